package release

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
)

func TestCheckPush(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()

	other, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}

	as := []Artifact{{Repository: "a", Content: empty.Image}, {Repository: "b", Content: empty.Index}}
	host := strings.TrimPrefix(srv.URL, "http://")

	cases := map[string]struct {
		reason  string
		changes string

		// published is what the registry has, and released makes of what is built what
		// DIGESTS has.
		published []Artifact
		released  func(digests string) string
		fails     bool
	}{
		"New":       {reason: "Nothing is published of a new version."},
		"BrokeOff":  {reason: "A push that broke off can be repeated.", published: as[:1]},
		"Again":     {reason: "So can one that did not.", published: as},
		"OtherTag":  {reason: "What is published under a version stays.", published: []Artifact{as[0], {Repository: "b", Content: other}}, fails: true},
		"Changed":   {reason: "A version that says that there are changes is pushed as they go.", changes: " M a", published: []Artifact{{Repository: "a", Content: other}}},
		"Released":  {reason: "What was released is pushed.", released: func(digests string) string { return digests }},
		"NotIt":     {reason: "What was not released is not.", released: func(digests string) string { return strings.Replace(digests, "sha256:", "sha256:0", 1) }, fails: true},
		"Elsewhere": {reason: "A release for another registry refers to what is there.", released: func(digests string) string { return strings.ReplaceAll(digests, host, "registry.example") }, fails: true},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := &Release{Out: t.TempDir(), Version: "v1.2.3", Registry: host + "/" + strings.ToLower(name), Source: source.State{Changes: tc.changes}}

			for _, a := range tc.published {
				if _, err := r.Push(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}

			if tc.released != nil {
				digests, err := r.digests(as)
				if err != nil {
					t.Fatal(err)
				}

				if err := os.MkdirAll(r.Dir(), 0o750); err != nil {
					t.Fatal(err)
				}

				if err := os.WriteFile(filepath.Join(r.Dir(), DigestsFile), []byte(tc.released(digests)), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			if err := r.CheckPush(t.Context(), as); (err != nil) != tc.fails {
				t.Errorf("%s\nCheckPush(...): want error %t, got %v", tc.reason, tc.fails, err)
			}
		})
	}
}

func TestDigests(t *testing.T) {
	r := &Release{Version: "v1.2.3", Registry: "registry.example/my-org"}

	digest, err := empty.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}

	got, err := r.digests([]Artifact{{Repository: "a", Content: empty.Image}, {Repository: "b", Content: empty.Image}})

	want := "registry.example/my-org/a:v1.2.3@" + digest.String() + "\nregistry.example/my-org/b:v1.2.3@" + digest.String() + "\n"
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("digests(...): got error %v; -want, +got:\n%s", err, diff)
	}
}
