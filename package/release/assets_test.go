package release

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
)

func TestChecksums(t *testing.T) {
	dir := t.TempDir()

	for _, name := range []string{"b", "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if err := checksums(dir); err != nil {
		t.Fatal(err)
	}

	got, err := os.ReadFile(filepath.Join(dir, ChecksumsFile))
	if err != nil {
		t.Fatal(err)
	}

	// As sha256sum prints them.
	want := `ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a
3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("checksums(...): -want, +got:\n%s", diff)
	}
}

func TestAssetsRefuses(t *testing.T) {
	untold := t.TempDir()
	if err := os.WriteFile(filepath.Join(untold, "CHANGELOG.md"), []byte("# Changelog\n\n## Unreleased\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason string
		r      Release
	}{
		"Changed":     {reason: "Nobody else has the sources.", r: Release{Root: "../..", Version: "v1.2.3", Source: source.State{Changes: " M go.mod"}}},
		"NoChangelog": {reason: "A release tells what it brings.", r: Release{Root: t.TempDir(), Version: "v1.2.3"}},
		"NothingNew":  {reason: "A release tells what it brings.", r: Release{Root: untold, Version: "v1.2.3"}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "release")
			if err := tc.r.Assets(t.Context(), dir); err == nil {
				t.Errorf("%s\nAssets(...): want an error", tc.reason)
			}

			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("%s\nAssets(...): want nothing to be made, got %v", tc.reason, err)
			}
		})
	}
}
