package image

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func metadata() Metadata {
	return Metadata{
		Title: "a", Description: "A program.", Version: "v1.2.3", Revision: "abc",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)),
	}
}

// program writes a program that was made at some time.
func program(t *testing.T, made time.Time) string {
	t.Helper()

	file := filepath.Join(t.TempDir(), "built")
	if err := os.WriteFile(file, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Chtimes(file, made, made); err != nil {
		t.Fatal(err)
	}

	return file
}

func TestNew(t *testing.T) {
	created := v1.Time{Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}
	labels := map[string]string{
		"org.opencontainers.image.created":     "2026-01-02T02:04:05Z",
		"org.opencontainers.image.description": "A program.",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.revision":    "abc",
		"org.opencontainers.image.source":      "https://github.com/ephemeral-clusters/ephemeral-clusters",
		"org.opencontainers.image.title":       "a",
		"org.opencontainers.image.version":     "v1.2.3",
	}

	cases := map[string]struct {
		reason   string
		name     string
		platform v1.Platform
		want     *v1.ConfigFile
	}{
		"AMD64": {
			reason:   "An image runs its program, as a user that has a number and is not root.",
			name:     "a",
			platform: v1.Platform{OS: "linux", Architecture: "amd64"},
			want: &v1.ConfigFile{
				OS: "linux", Architecture: "amd64", Created: created,
				Config: v1.Config{
					User: "65532", Entrypoint: []string{"/usr/local/bin/a"}, WorkingDir: "/",
					Env: []string{"PATH=/usr/local/bin"}, Labels: labels,
				},
				History: []v1.History{
					{Created: created, CreatedBy: "add /etc/ssl/certs/ca-certificates.crt"},
					{Created: created, CreatedBy: "add /usr/local/bin/a"},
				},
			},
		},
		"ARM64": {
			reason:   "The platform is the image's own; a program keeps its name where none is given.",
			platform: v1.Platform{OS: "linux", Architecture: "arm64"},
			want: &v1.ConfigFile{
				OS: "linux", Architecture: "arm64", Created: created,
				Config: v1.Config{
					User: "65532", Entrypoint: []string{"/usr/local/bin/built"}, WorkingDir: "/",
					Env: []string{"PATH=/usr/local/bin"}, Labels: labels,
				},
				History: []v1.History{
					{Created: created, CreatedBy: "add /etc/ssl/certs/ca-certificates.crt"},
					{Created: created, CreatedBy: "add /usr/local/bin/built"},
				},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			img, err := New(program(t, time.Unix(1, 0)), tc.name, tc.platform, metadata())
			if err != nil {
				t.Fatal(err)
			}

			got, err := img.ConfigFile()
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(v1.ConfigFile{}, "RootFS")); diff != "" {
				t.Errorf("%s\nNew(...): -want, +got configuration:\n%s", tc.reason, diff)
			}

			again, err := New(program(t, time.Unix(2, 0)), filepath.Base(got.Config.Entrypoint[0]), tc.platform, metadata())
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(digest(t, img), digest(t, again)); diff != "" {
				t.Errorf("%s\nNew(...): an image of the same program differs: -first, +second digest:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNewMediaTypes(t *testing.T) {
	img, err := New(program(t, time.Unix(1, 0)), "a", v1.Platform{OS: "linux", Architecture: "amd64"}, metadata())
	if err != nil {
		t.Fatal(err)
	}

	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}

	got := make([]types.MediaType, 0, 2+len(m.Layers))
	got = append(got, m.MediaType, m.Config.MediaType)

	for _, l := range m.Layers {
		got = append(got, l.MediaType)
	}

	want := []types.MediaType{types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer, types.OCILayer}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("New(...): all of an image is of OCI's types: -want, +got:\n%s", diff)
	}
}

// file is what a test compares of a file in an image.
type file struct {
	Name    string
	Mode    int64
	Made    time.Time
	Content string
}

func TestNewFiles(t *testing.T) {
	img, err := New(program(t, time.Unix(1, 0)), "a", v1.Platform{OS: "linux", Architecture: "amd64"}, metadata())
	if err != nil {
		t.Fatal(err)
	}

	r := mutate.Extract(img)
	defer r.Close() //nolint:errcheck // It was only read.

	got := map[string]file{}

	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}

		if err != nil {
			t.Fatal(err)
		}

		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}

		got[h.Name] = file{Name: h.Name, Mode: h.Mode, Made: h.ModTime.UTC(), Content: string(content)}
	}

	made := metadata().Created.UTC()
	want := map[string]file{}

	for _, f := range []file{
		{Name: "etc", Mode: 0o755, Made: made},
		{Name: "etc/ssl", Mode: 0o755, Made: made},
		{Name: "etc/ssl/certs", Mode: 0o755, Made: made},
		{Name: "etc/ssl/certs/ca-certificates.crt", Mode: 0o444, Made: made, Content: string(Certificates())},
		{Name: "usr", Mode: 0o755, Made: made},
		{Name: "usr/local", Mode: 0o755, Made: made},
		{Name: "usr/local/bin", Mode: 0o755, Made: made},
		{Name: "usr/local/bin/a", Mode: 0o555, Made: made, Content: "program"},
	} {
		want[f.Name] = f
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("New(...): an image has its program, certificates and nothing else: -want, +got:\n%s", diff)
	}
}

func TestNewFails(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "none"), "", v1.Platform{}, Metadata{}); err == nil {
		t.Error("New(...): want an error for a program that is not there")
	}
}

func TestCertificates(t *testing.T) {
	var names []string

	for rest := Certificates(); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				t.Errorf("Certificates(): %d bytes are no certificates", len(rest))
			}

			break
		}

		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}

		if !cert.IsCA {
			t.Errorf("Certificates(): %s is not a certificate authority", cert.Subject)
		}

		names = append(names, cert.Subject.CommonName)
	}

	// Mozilla has trusted well over a hundred for years, among them the one of Let's
	// Encrypt; Izenpe's is trusted for certificates of before 2026-04-16 only.
	if len(names) < 100 {
		t.Errorf("Certificates(): got %d", len(names))
	}

	for name, want := range map[string]bool{"ISRG Root X1": true, "Izenpe.com": false} {
		got := false
		for _, n := range names {
			got = got || n == name
		}

		if got != want {
			t.Errorf("Certificates(): %s: want %t, got %t", name, want, got)
		}
	}
}

func digest(t *testing.T, img v1.Image) string {
	t.Helper()

	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}

	return d.String()
}
