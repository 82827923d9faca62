package fetch

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// tiny says a version, as all programs that are fetched with a question do.
const tiny = "#!/bin/sh\necho Tiny v1.2.3\n"

// entry is a file of a layer.
type entry struct {
	name string
	kind byte
	body string
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()

	b := &bytes.Buffer{}
	w := tar.NewWriter(b)

	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: 0o755, Size: int64(len(e.body))}
		if e.kind == tar.TypeSymlink {
			h.Linkname = "elsewhere"
		}

		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}

		if _, err := io.WriteString(w, e.body); err != nil {
			t.Fatal(err)
		}
	}

	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	return b.Bytes()
}

func file(name, body string) entry { return entry{name: name, kind: tar.TypeReg, body: body} }

// layer is compressed, as those of releases are.
func layer(t *testing.T, entries ...entry) v1.Layer {
	t.Helper()

	b := archive(t, entries...)

	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	if err != nil {
		t.Fatal(err)
	}

	return l
}

// image is for this machine's architecture, unless it is told another.
func image(t *testing.T, cfg v1.Config, arch string, layers ...v1.Layer) v1.Image {
	t.Helper()

	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}

	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = runtime.GOOS, arch, cfg

	img, err = mutate.ConfigFile(img, file)
	if err != nil {
		t.Fatal(err)
	}

	return img
}

// serve has a registry on 127.0.0.1 whose answers may be tampered with, and returns its address.
func serve(t *testing.T, tamper func(http.Handler) http.Handler, tag string, what remote.Taggable) string {
	t.Helper()

	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))

	whole := httptest.NewServer(handler)
	t.Cleanup(whole.Close)

	if what != nil {
		ref, err := name.NewTag(strings.TrimPrefix(whole.URL, "http://") + "/" + tag)
		if err != nil {
			t.Fatal(err)
		}

		push(t, ref, what)
	}

	s := httptest.NewServer(tamper(handler))
	t.Cleanup(s.Close)

	return strings.TrimPrefix(s.URL, "http://")
}

// push pushes an image, or an index of some, with its layers.
func push(t *testing.T, ref name.Tag, what remote.Taggable) {
	t.Helper()

	var err error

	switch what := what.(type) {
	case v1.Image:
		err = remote.Write(ref, what)
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, what)
	}

	if err != nil {
		t.Fatal(err)
	}
}

func untouched(h http.Handler) http.Handler { return h }

// blob answers the request for one of a layer in its own way.
func blob(l v1.Layer, answer http.HandlerFunc) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			digest, err := l.Digest()
			if err == nil && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/blobs/"+digest.String()) {
				answer(w, r)

				return
			}

			h.ServeHTTP(w, r)
		})
	}
}

func TestFetch(t *testing.T) {
	const img = "registry.example.com/org/tiny:v1.2.3"

	arch := runtime.GOARCH
	entrypoint := v1.Config{Entrypoint: []string{"/bin/tiny"}}
	ask := Program{Image: img, Version: "v1.2.3", Ask: []string{"--version"}}
	pathed := ask
	pathed.Path = "/usr/local/bin/tiny"

	// Not compressed, so that what is damaged is noticed by its digest alone.
	good := archive(t, file("bin/tiny", tiny))
	plain := static.NewLayer(good, types.DockerUncompressedLayer)
	damaged := bytes.Replace(good, []byte("echo Tiny"), []byte("echo Evil"), 1)

	cases := map[string]struct {
		reason  string
		tamper  func(http.Handler) http.Handler
		image   remote.Taggable
		program Program
		fails   bool
	}{
		"Entrypoint": {
			reason:  "A program is what the image runs.",
			image:   image(t, entrypoint, arch, layer(t, file("etc/passwd", "")), layer(t, file("bin/tiny", tiny))),
			program: ask,
		},
		"Command": {
			reason:  "So it is where the image has no entrypoint; some archives' names begin with a dot.",
			image:   image(t, v1.Config{Cmd: []string{"/bin/tiny"}}, arch, layer(t, file("./bin/tiny", tiny))),
			program: ask,
		},
		"LookedUp": {
			reason:  "A name is looked up where a container runtime would.",
			image:   image(t, v1.Config{Entrypoint: []string{"tiny"}}, arch, layer(t, file("usr/local/bin/tiny", tiny))),
			program: ask,
		},
		"LookedUpInPath": {
			reason:  "The image may say where that is.",
			image:   image(t, v1.Config{Entrypoint: []string{"tiny"}, Env: []string{"PATH=/opt:/else"}}, arch, layer(t, file("else/tiny", tiny))),
			program: ask,
		},
		"Path": {
			reason:  "What runs another program names its path.",
			image:   image(t, v1.Config{Entrypoint: []string{"/runner"}}, arch, layer(t, file("usr/local/bin/tiny", tiny)), layer(t, file("runner", "no"))),
			program: pathed,
		},
		"LastLayer": {
			reason:  "A later layer's file takes the place of an earlier one's.",
			image:   image(t, entrypoint, arch, layer(t, file("bin/tiny", "#!/bin/sh\necho v1\n")), layer(t, file("bin/tiny", tiny))),
			program: ask,
		},
		"Index": {
			reason: "Of several platforms' images, this one's is taken.",
			image: mutate.AppendManifests(empty.Index,
				mutate.IndexAddendum{
					Add:        image(t, entrypoint, "z80", layer(t, file("bin/tiny", "no"))),
					Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: runtime.GOOS, Architecture: "z80"}},
				},
				mutate.IndexAddendum{
					Add:        image(t, entrypoint, arch, layer(t, file("bin/tiny", tiny))),
					Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: runtime.GOOS, Architecture: arch}},
				}),
			program: ask,
		},
		"NoImage": {
			reason:  "An image that is not there cannot be had.",
			program: ask,
			fails:   true,
		},
		"NoFile": {
			reason:  "Nor can a program that its image lacks.",
			image:   image(t, entrypoint, arch, layer(t, file("bin/other", tiny))),
			program: ask,
			fails:   true,
		},
		"Link": {
			reason:  "A link is no program.",
			image:   image(t, entrypoint, arch, layer(t, entry{name: "bin/tiny", kind: tar.TypeSymlink})),
			program: ask,
			fails:   true,
		},
		"OtherArchitecture": {
			reason:  "An image for another architecture is not taken, though it be the only one.",
			image:   image(t, entrypoint, "z80", layer(t, file("bin/tiny", tiny))),
			program: ask,
			fails:   true,
		},
		"OtherArchitectures": {
			reason: "Nor is one of several.",
			image: mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
				Add:        image(t, entrypoint, "z80", layer(t, file("bin/tiny", tiny))),
				Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: runtime.GOOS, Architecture: "z80"}},
			}),
			program: ask,
			fails:   true,
		},
		"Undamaged": {
			reason:  "An uncompressed layer is as good as any: what fails below fails for its damage.",
			image:   image(t, entrypoint, arch, plain),
			program: ask,
		},
		"Damaged": {
			reason: "A layer that is not of its digest is not used, though its file could be read.",
			tamper: blob(plain, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(damaged) }),
			image:  image(t, entrypoint, arch, plain),
			// It says the version that is wanted: only the digest tells.
			program: ask,
			fails:   true,
		},
		"BrokenOff": {
			reason: "A download that breaks off is not a program.",
			tamper: blob(plain, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(good)))
				_, _ = w.Write(good[:len(good)-600])
			}),
			image:   image(t, entrypoint, arch, plain),
			program: ask,
			fails:   true,
		},
		"OtherVersion": {
			reason:  "What says another version is not taken, whatever its tag says.",
			image:   image(t, entrypoint, arch, layer(t, file("bin/tiny", "#!/bin/sh\necho Tiny v1.2.4\n"))),
			program: ask,
			fails:   true,
		},
		"CannotRun": {
			reason:  "What cannot be run here is not taken.",
			image:   image(t, entrypoint, arch, layer(t, file("bin/tiny", "v1.2.3"))),
			program: ask,
			fails:   true,
		},
		"Unknown": {
			reason:  "What cannot be asked, and was not built by Go, may be anything.",
			image:   image(t, entrypoint, arch, layer(t, file("bin/tiny", tiny))),
			program: Program{Image: img, Version: "v1.2.3", Module: "example.com/tiny"},
			fails:   true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tamper := tc.tamper
			if tamper == nil {
				tamper = untouched
			}

			f := &Fetcher{Mirror: serve(t, tamper, "org/tiny:v1.2.3", tc.image)}
			path := filepath.Join(t.TempDir(), "tiny")

			err := f.Fetch(t.Context(), tc.program, path)
			if (err != nil) != tc.fails {
				t.Fatalf("\n%s\nFetch(...): want error %t, got %v", tc.reason, tc.fails, err)
			}

			if tc.fails {
				t.Log(err)

				return
			}

			got, err := os.ReadFile(path)
			if diff := cmp.Diff(tiny, string(got)); err != nil || diff != "" {
				t.Errorf("\n%s\nFetch(...): %v; -want, +got:\n%s", tc.reason, err, diff)
			}
		})
	}
}

// TestFetchGo fetches a program that is not asked for its version.
func TestFetchGo(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	body, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}

	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("want a test to know what it was built from")
	}

	l := static.NewLayer(archive(t, file("tiny", string(body))), types.DockerUncompressedLayer)
	img := image(t, v1.Config{Entrypoint: []string{"/tiny"}}, runtime.GOARCH, l)
	f := &Fetcher{Mirror: serve(t, untouched, "org/tiny:v1.2.3", img)}
	path := filepath.Join(t.TempDir(), "tiny")
	p := Program{Image: "registry.example.com/org/tiny:v1.2.3", Module: info.Main.Path, Version: info.Main.Version}

	if err := f.Fetch(t.Context(), p, path); err != nil {
		t.Errorf("Fetch(...): a program of the module and version that are asked for: %v", err)
	}

	p.Version = "v1.2.3"
	if err := f.Fetch(t.Context(), p, path); err == nil {
		t.Error("Fetch(...): want a program of another version refused")
	}
}

// TestFetchInterrupted interrupts a download in its midst.
func TestFetchInterrupted(t *testing.T) {
	content := archive(t, file("bin/tiny", tiny))
	l := static.NewLayer(content, types.DockerUncompressedLayer)
	img := image(t, v1.Config{Entrypoint: []string{"/bin/tiny"}}, runtime.GOARCH, l)
	ctx, cancel := context.WithCancel(t.Context())

	mirror := serve(t, blob(l, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()

		cancel()
		<-r.Context().Done()
	}), "org/tiny:v1.2.3", img)

	p := Program{Image: "registry.example.com/org/tiny:v1.2.3", Version: "v1.2.3", Ask: []string{"--version"}}
	if err := (&Fetcher{Mirror: mirror}).Fetch(ctx, p, filepath.Join(t.TempDir(), "tiny")); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch(...): want an interrupted download to say so, got %v", err)
	}
}
