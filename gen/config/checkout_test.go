package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const moduleFile = "module m\n\ngo 1.26\n\nrequire github.com/crossplane-contrib/provider-kubernetes v1.3.1\n"

// newCheckout returns a checkout with what is generated from, and the environments of
// the tests. The definitions are taken from another directory.
func newCheckout(t *testing.T, definitions string) Paths {
	t.Helper()

	p := Paths{Root: t.TempDir(), File: "environments.yaml", Schema: "environments.schema.json", Out: "deploy"}

	for _, dir := range []string{"api/crd", "xrd", "composition"} {
		if err := os.CopyFS(filepath.Join(p.Root, dir), os.DirFS(filepath.Join(definitions, dir))); err != nil {
			t.Fatal(err)
		}
	}

	// They go with the module files below.
	if err := os.CopyFS(filepath.Join(p.Root, "package"), os.DirFS(filepath.Join(fixture, "package"))); err != nil {
		t.Fatal(err)
	}

	put(t, p, "go.mod", moduleFile)
	put(t, p, "test/tools/stack/go.mod", moduleFile)

	digest, err := CheckoutDigest(p)
	if err != nil {
		t.Fatalf("CheckoutDigest(...): %v", err)
	}

	b, err := os.ReadFile("testdata/environments.yaml")
	if err != nil {
		t.Fatal(err)
	}

	put(t, p, p.File, strings.ReplaceAll(string(b), "api: API", "api: "+digest))

	return p
}

// generate writes what is generated.
func generate(t *testing.T, p Paths) {
	t.Helper()

	files, err := Generate(p)
	if err != nil {
		t.Fatalf("Generate(...): %v", err)
	}

	if err := Write(p, files); err != nil {
		t.Fatalf("Write(...): %v", err)
	}
}

// put writes a file of a checkout.
func put(t *testing.T, p Paths, name, content string) {
	t.Helper()

	path := filepath.Join(p.Root, filepath.FromSlash(name))

	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace replaces a text in a file of a checkout.
func replace(t *testing.T, p Paths, name, from, to string) {
	t.Helper()

	b, err := os.ReadFile(filepath.Join(p.Root, name))
	if err != nil {
		t.Fatal(err)
	}

	if !strings.Contains(string(b), from) {
		t.Fatalf("%s has no %q", name, from)
	}

	put(t, p, name, strings.Replace(string(b), from, to, 1))
}

// tree returns the files below a directory of a checkout, by their paths in it.
func tree(t *testing.T, p Paths, dir string) map[string]string {
	t.Helper()

	out := map[string]string{}
	root := os.DirFS(filepath.Join(p.Root, dir))

	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		b, err := fs.ReadFile(root, path)
		out[path] = string(b)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return out
}
