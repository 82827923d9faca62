package components

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/modfile"
)

// Dependencies are compiled once only where all who use them have the same version.
func TestAgree(t *testing.T) {
	reason := "A version that is raised in one module is raised in the other, or its dependants are compiled twice."

	root := filepath.Join("..", "..")
	ours, theirs := versions(t, filepath.Join(root, "go.mod")), versions(t, filepath.Join(root, "test", "tools", stackTool, "go.mod"))
	shared := 0

	for _, path := range slices.Sorted(maps.Keys(ours)) {
		v, ok := theirs[path]
		if !ok {
			continue
		}

		shared++

		if v != ours[path] {
			t.Errorf("\n%s\n%s is %s in go.mod, and %s in that of the stack", reason, path, ours[path], v)
		}
	}

	if shared == 0 {
		t.Errorf("\n%s\nno dependency is shared, so this test shows nothing", reason)
	}
}

// versions are those of a module's dependencies, by their paths.
func versions(t *testing.T, file string) map[string]string {
	t.Helper()

	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}

	m, err := modfile.Parse(file, b, nil)
	if err != nil {
		t.Fatal(err)
	}

	out := map[string]string{}
	for _, r := range m.Require {
		out[r.Mod.Path] = r.Mod.Version
	}

	for _, r := range m.Replace {
		if _, ok := out[r.Old.Path]; ok {
			out[r.Old.Path] = r.New.Version
		}
	}

	return out
}
