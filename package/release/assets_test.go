package release

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
)

func TestChecksums(t *testing.T) {
	dir := t.TempDir()

	if err := os.Mkdir(filepath.Join(dir, "b"), 0o750); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"c", "a", "b/b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(filepath.Base(name)), 0o600); err != nil {
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
3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b/b
2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6  c
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("checksums(...): -want, +got:\n%s", diff)
	}
}

// Tasks run the image that the release has, by the digest that it is published under.
func TestTaskAssets(t *testing.T) {
	index, err := random.Index(10, 1, 2)
	if err != nil {
		t.Fatal(err)
	}

	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}

	r, dir := &Release{Root: "../..", Registry: "registry.example/my-org"}, t.TempDir()
	if err := r.taskAssets(dir, []Artifact{{Repository: "other", Content: empty.Index}, {Repository: "tpc", Content: index}}); err != nil {
		t.Fatal(err)
	}

	want := []string{"copy-secrets-to-ephemeral-cluster", "deprovision-ephemeral-cluster", "provision-ephemeral-cluster"}
	joined := ""

	for i, task := range want {
		content, err := os.ReadFile(filepath.Join(dir, TasksDir, task+".yaml"))
		if err != nil {
			t.Fatal(err)
		}

		got := &pipelinev1.Task{}
		if err := yaml.UnmarshalStrict(content, got); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff("registry.example/my-org/tpc@"+digest.String(), got.Spec.Steps[0].Image); diff != "" {
			t.Errorf("%s: -want image, +got:\n%s", task, diff)
		}

		if i > 0 {
			joined += "---\n"
		}

		joined += string(content)
	}

	got, err := os.ReadFile(filepath.Join(dir, TasksFile))
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(joined, string(got)); diff != "" {
		t.Errorf("%s: -want, +got:\n%s", TasksFile, diff)
	}

	if err := r.taskAssets(t.TempDir(), []Artifact{{Repository: "other", Content: empty.Index}}); err == nil {
		t.Error("taskAssets(...): want an error when there is no image to run")
	}
}

func TestAssetsRefuses(t *testing.T) {
	untold := t.TempDir()
	if err := os.WriteFile(filepath.Join(untold, "CHANGELOG.md"), []byte("# Changelog\n\n## Unreleased\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	behind := t.TempDir()
	if err := os.CopyFS(filepath.Join(behind, "tasks"), os.DirFS("../../tasks")); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(behind, "CHANGELOG.md"), []byte("# Changelog\n\n## Unreleased\n\n- New.\n\n## v1.2.2 (2026-01-01)\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason string
		r      Release
	}{
		"TasksBehind": {reason: "Whoever takes tasks from the sources runs the last release.", r: Release{Root: behind, Version: "v1.2.3"}},
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
