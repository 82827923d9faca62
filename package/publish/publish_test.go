package publish

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// platform is an image of a platform, whose last layer is labelled as packages' are.
func platform(t *testing.T, arch string) v1.Image {
	t.Helper()

	img, err := random.Image(100, 2)
	if err != nil {
		t.Fatal(err)
	}

	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}

	last, err := layers[1].Digest()
	if err != nil {
		t.Fatal(err)
	}

	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	cfg.OS, cfg.Architecture = "linux", arch
	cfg.Config.Labels = map[string]string{"io.crossplane.xpkg:" + last.String(): "base", "other": "label"}

	img, err = mutate.ConfigFile(img, cfg)
	if err != nil {
		t.Fatal(err)
	}

	return img
}

// shape is what a test compares of an artifact. Digests are random.
type shape struct {
	Type        types.MediaType
	Annotations map[string]string
	Platforms   []string
	Images      []map[string]string
	Layers      [][]map[string]string
}

func shapeOf(t *testing.T, a Artifact) shape {
	t.Helper()

	s := shape{}

	imgs := []v1.Image{}

	switch a := a.(type) {
	case v1.ImageIndex:
		m, err := a.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}

		s.Type, s.Annotations = m.MediaType, m.Annotations

		for _, d := range m.Manifests {
			img, err := a.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}

			s.Platforms = append(s.Platforms, d.Platform.String())
			imgs = append(imgs, img)
		}
	case v1.Image:
		m, err := a.Manifest()
		if err != nil {
			t.Fatal(err)
		}

		s.Type = m.MediaType
		imgs = append(imgs, a)
	}

	for _, img := range imgs {
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}

		layers := []map[string]string{}
		for _, l := range m.Layers {
			layers = append(layers, l.Annotations)
		}

		s.Images, s.Layers = append(s.Images, m.Annotations), append(s.Layers, layers)
	}

	return s
}

func TestArtifacts(t *testing.T) {
	annotations := map[string]string{"a": "b"}
	base := map[string]string{"io.crossplane.xpkg": "base"}

	cases := map[string]struct {
		reason string
		make   func(...v1.Image) (Artifact, error)
		archs  []string
		want   shape
	}{
		"Image": {
			reason: "An image of several platforms is an index, annotated as its images are.",
			make:   func(p ...v1.Image) (Artifact, error) { return Image(annotations, p...) },
			archs:  []string{"amd64", "arm64"},
			want: shape{
				Type: types.OCIImageIndex, Annotations: annotations, Platforms: []string{"linux/amd64", "linux/arm64"},
				Images: []map[string]string{annotations, annotations}, Layers: [][]map[string]string{{nil, nil}, {nil, nil}},
			},
		},
		"OneImage": {
			reason: "An image of one platform is found without a platform.",
			make:   func(p ...v1.Image) (Artifact, error) { return Image(annotations, p...) },
			archs:  []string{"arm64"},
			want: shape{
				Type: types.DockerManifestSchema2, Images: []map[string]string{annotations}, Layers: [][]map[string]string{{nil, nil}},
			},
		},
		"Package": {
			reason: "A package's layers are annotated with what their labels say, and nothing else is.",
			make:   Package,
			archs:  []string{"amd64", "arm64"},
			want: shape{
				Type: types.OCIImageIndex, Platforms: []string{"linux/amd64", "linux/arm64"},
				Images: []map[string]string{nil, nil}, Layers: [][]map[string]string{{nil, base}, {nil, base}},
			},
		},
		"OnePackage": {
			reason: "A package of no platform is an image.",
			make:   Package,
			archs:  []string{""},
			want: shape{
				Type: types.DockerManifestSchema2, Images: []map[string]string{nil}, Layers: [][]map[string]string{{nil, base}},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			imgs := make([]v1.Image, len(tc.archs))
			for i, arch := range tc.archs {
				imgs[i] = platform(t, arch)
			}

			a, err := tc.make(imgs...)
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(tc.want, shapeOf(t, a)); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestPush(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()

	index, err := Image(nil, platform(t, "amd64"), platform(t, "arm64"))
	if err != nil {
		t.Fatal(err)
	}

	to := tagOf(t, srv.URL, "v1")

	got, err := Push(t.Context(), to, index)
	if err != nil {
		t.Fatal(err)
	}

	for _, ref := range []name.Reference{to, got} {
		pulled, err := remote.Index(ref)
		if err != nil {
			t.Fatal(err)
		}

		if err := validate.Index(pulled); err != nil {
			t.Errorf("Push(...): %s is not whole: %v", ref, err)
		}
	}

	// What embeds an image hides it.
	if _, err := Push(t.Context(), to, struct{ Artifact }{index}); err == nil {
		t.Error("Push(...): want an error for what would not be pushed whole")
	}

	srv.Close()

	if _, err := Push(t.Context(), to, index); err == nil {
		t.Error("Push(...): want an error when there is no registry")
	}
}

func TestCheckTag(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()

	denied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	defer denied.Close()

	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer broken.Close()

	published, other := platform(t, "amd64"), platform(t, "amd64")
	if _, err := Push(t.Context(), tagOf(t, srv.URL, "v1"), published); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason   string
		registry string
		tag      string
		artifact Artifact
		fails    bool
	}{
		"New":    {reason: "There is no such tag yet.", registry: srv.URL, tag: "v2", artifact: other},
		"Again":  {reason: "A push that broke off can be repeated.", registry: srv.URL, tag: "v1", artifact: published},
		"Moved":  {reason: "Who has pulled the tag would not know of it.", registry: srv.URL, tag: "v1", artifact: other, fails: true},
		"Denied": {reason: "What a registry would create it may deny to read.", registry: denied.URL, tag: "v1", artifact: other},
		"Broken": {reason: "A tag that nobody can tell of may be there.", registry: broken.URL, tag: "v1", artifact: other, fails: true},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := CheckTag(t.Context(), tagOf(t, tc.registry, tc.tag), tc.artifact); (err != nil) != tc.fails {
				t.Errorf("%s\nCheckTag(...): want error %t, got %v", tc.reason, tc.fails, err)
			}
		})
	}
}

// tagOf names a tag in the registry at an address.
func tagOf(t *testing.T, url, tag string) name.Tag {
	t.Helper()

	to, err := name.NewTag(strings.TrimPrefix(url, "http://")+"/a/b:"+tag, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	return to
}

func TestLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")

	for _, tag := range []string{"v1", "v2"} {
		want, err := Image(nil, platform(t, "amd64"), platform(t, "arm64"))
		if err != nil {
			t.Fatal(err)
		}

		got, err := Layout(dir, tag, want)
		if err != nil {
			t.Fatal(err)
		}

		if err := validate.Index(got); err != nil {
			t.Errorf("Layout(...): what was written is not whole: %v", err)
		}

		if diff := cmp.Diff(digestOf(t, want), digestOf(t, got)); diff != "" {
			t.Errorf("Layout(...): -want, +got digest:\n%s", diff)
		}
	}

	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}

	// An index, and for each platform a manifest, a configuration and two layers.
	if len(blobs) != 9 {
		t.Errorf("Layout(...): want nothing of the former layout to be left, got %d blobs, not 9", len(blobs))
	}
}

func digestOf(t *testing.T, a Artifact) string {
	t.Helper()

	d, err := a.Digest()
	if err != nil {
		t.Fatal(err)
	}

	return d.String()
}
