package sbom

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/image"
)

// relations are who is related to what, by names and versions.
func relations(d *spdx.Document) []string {
	names := map[string]string{"DOCUMENT": "document"}
	for _, p := range d.Packages {
		names[string(p.PackageSPDXIdentifier)] = p.PackageName + " " + p.PackageVersion
	}

	rs := make([]string, 0, len(d.Relationships))
	for _, r := range d.Relationships {
		rs = append(rs, names[string(r.RefA.ElementRefID)]+" "+r.Relationship+" "+names[string(r.RefB.ElementRefID)])
	}

	return rs
}

// dependsOn is what the running test depends on, as Go itself tells.
func dependsOn(t *testing.T) []string {
	t.Helper()

	info, ok := debug.ReadBuildInfo()
	if !ok {
		t.Fatal("the test does not know what it is built of")
	}

	rs := make([]string, 0, 1+len(info.Deps))
	rs = append(rs, "a v1.2.3 DEPENDS_ON stdlib "+strings.TrimPrefix(runtime.Version(), "go"))

	for _, m := range info.Deps {
		rs = append(rs, "a v1.2.3 DEPENDS_ON "+m.Path+" "+m.Version)
	}

	return rs
}

func TestGenerate(t *testing.T) {
	// The test is a program that Go has built.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	content, err := os.ReadFile(filepath.Clean(self))
	if err != nil {
		t.Fatal(err)
	}

	sum := sha256.Sum256(content)
	program := hex.EncodeToString(sum[:])
	hash := strings.Repeat("a", 64)

	digest, err := name.NewDigest("registry.example/my-org/b@sha256:"+hash, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	certificates := sha256.Sum256(image.Certificates())

	const maintainers = "Organization: The ephemeral-clusters maintainers"

	pulled := "pkg:oci/b@sha256%3A" + hash + "?repository_url=registry.example%2Fmy-org%2Fb&tag=v1.2.3"

	cases := map[string]struct {
		reason    string
		program   string
		image     *name.Digest
		name      string
		namespace string
		relations []string
		checksums map[string]string
		locations map[string]string
		suppliers map[string]string
	}{
		"Program": {
			reason:    "A program is made of the modules that it is built of, and of Go's own packages.",
			program:   self,
			name:      "a v1.2.3",
			namespace: image.SourceURL + "/spdx/a-v1.2.3-" + program,
			relations: append([]string{"document DESCRIBES a v1.2.3"}, dependsOn(t)...),
			checksums: map[string]string{idProgram: program},
			locations: map[string]string{idProgram: "git+" + image.SourceURL + "@c0ffee"},
			suppliers: map[string]string{idProgram: maintainers},
		},
		"Image": {
			reason:    "An image is made of its program and of certificates, and can be pulled.",
			program:   self,
			image:     &digest,
			name:      "image of a v1.2.3",
			namespace: image.SourceURL + "/spdx/a-v1.2.3-" + hash,
			relations: append([]string{
				"document DESCRIBES a v1.2.3",
				"a v1.2.3 CONTAINS a v1.2.3",
				"a v1.2.3 CONTAINS Mozilla's root certificates ",
			}, dependsOn(t)...),
			checksums: map[string]string{idImage: hash, idProgram: program, idCertificates: hex.EncodeToString(certificates[:])},
			locations: map[string]string{idImage: pulled, idProgram: "git+" + image.SourceURL + "@c0ffee"},
			suppliers: map[string]string{idImage: maintainers, idProgram: maintainers},
		},
		"Empty": {
			reason:    "An image may run nothing.",
			image:     &digest,
			name:      "image of a v1.2.3",
			namespace: image.SourceURL + "/spdx/a-v1.2.3-" + hash,
			relations: []string{"document DESCRIBES a v1.2.3"},
			checksums: map[string]string{idImage: hash},
			locations: map[string]string{idImage: pulled},
			suppliers: map[string]string{idImage: maintainers},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := Subject{Program: tc.program, Name: "a", Version: "v1.2.3", Revision: "c0ffee", Created: time.Unix(0, 0), Image: tc.image}

			got, err := Generate(s)
			if err != nil {
				t.Fatal(err)
			}

			if again, err := Generate(s); !bytes.Equal(got, again) || err != nil {
				t.Errorf("%s\nGenerate(...): a second document differs (error %v)", tc.reason, err)
			}

			d, err := spdxjson.Read(bytes.NewReader(got))
			if err != nil {
				t.Fatal(err)
			}

			want := []string{"SPDX-2.3", "CC0-1.0", tc.name, tc.namespace, "1970-01-01T00:00:00Z"}
			if diff := cmp.Diff(want, []string{d.SPDXVersion, d.DataLicense, d.DocumentName, d.DocumentNamespace, d.CreationInfo.Created}); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.relations, relations(d)); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got relations:\n%s", tc.reason, diff)
			}

			sums, locations, suppliers := map[string]string{}, map[string]string{}, map[string]string{}

			for _, p := range d.Packages {
				id := string(p.PackageSPDXIdentifier)

				for _, c := range p.PackageChecksums {
					sums[id] = c.Value
				}

				switch {
				case p.PackageDownloadLocation != noAssertion:
					locations[id] = p.PackageDownloadLocation
				case id == idImage:
					locations[id] = p.PackageExternalReferences[0].Locator
				}

				if p.PackageSupplier.Supplier != noAssertion {
					suppliers[id] = p.PackageSupplier.SupplierType + ": " + p.PackageSupplier.Supplier
				}
			}

			if diff := cmp.Diff(tc.locations, locations); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got where things are:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.suppliers, suppliers); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got suppliers:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.checksums, sums); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got checksums:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestGeneratePackageURL(t *testing.T) {
	cases := map[string]struct {
		reason string
		path   string
		want   string
	}{
		"Deep":  {reason: "All but the last part of a path is the namespace.", path: "github.com/a/b/v2", want: "pkg:golang/github.com/a/b/v2@v2.0.0"},
		"Short": {reason: "A path may have a single part.", path: "stdlib", want: "pkg:golang/stdlib@v2.0.0"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := module("m", &debug.Module{Path: tc.path, Version: "v2.0.0"}).PackageExternalReferences[0].Locator
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nmodule(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestGenerateFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(file, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := Generate(Subject{Program: file, Name: "a"}); err == nil {
		t.Error("Generate(...): want an error for what Go has not built")
	}
}
