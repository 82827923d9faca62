package config

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

const fixture = "testdata/checkout"

// TestGolden compares the whole tree of the environments of the tests.
func TestGolden(t *testing.T) {
	const golden = "testdata/tree.txtar"

	p := newCheckout(t, fixture)
	generate(t, p)

	got := &txtar.Archive{Comment: []byte("What is generated from environments.yaml. Renew it with: go test ./gen/config -update\n")}

	files := tree(t, p, p.Out)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		got.Files = append(got.Files, txtar.File{Name: path, Data: []byte(files[path])})
	}

	if *update {
		if err := os.WriteFile(golden, txtar.Format(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	want, err := txtar.ParseFile(golden)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(string(txtar.Format(want)), string(txtar.Format(got))); diff != "" {
		t.Errorf("The tree: -want, +got:\n%s", diff)
	}
}

// TestCommitted checks the tree of this checkout.
func TestCommitted(t *testing.T) {
	p := Paths{Root: filepath.Join("..", ".."), File: "gen/environments.yaml", Schema: "gen/environments.schema.json", Out: "deploy"}

	files, err := Generate(p)
	if err != nil {
		t.Fatalf("Generate(...): %v", err)
	}

	problems, err := Check(p, files)
	if err != nil {
		t.Fatalf("Check(...): %v", err)
	}

	if len(problems) > 0 {
		t.Errorf("deploy/ is not what is generated, run %q:\n%s", manifest.Command, strings.Join(problems, "\n"))
	}
}

// TestWrite follows a tree through changes.
func TestWrite(t *testing.T) {
	p := newCheckout(t, fixture)
	generate(t, p)

	before := tree(t, p, ".")
	generate(t, p)

	if diff := cmp.Diff(before, tree(t, p, ".")); diff != "" {
		t.Errorf("What is generated twice is the same: -want, +got:\n%s", diff)
	}

	put(t, p, "deploy/README.md", "By hand.\n")
	put(t, p, "deploy/konflux/staging/stg-2/by-hand.yaml", "kind: ByHand\n")
	replace(t, p, p.File, "  - name: prd-1\n", "")
	replace(t, p, p.File, "  - name: stg-2\n", "")
	replace(t, p, "deploy/app.ci/namespaces.yaml", "Prune=false", "Prune=true")

	if err := os.Remove(p.Root + "/deploy/build-farm/reconciler.yaml"); err != nil {
		t.Fatal(err)
	}

	files, err := Generate(p)
	if err != nil {
		t.Fatalf("Generate(...): %v", err)
	}

	problems, err := Check(p, files)
	if err != nil {
		t.Fatalf("Check(...): %v", err)
	}

	want := []string{
		"deploy/app.ci/konflux-production.yaml: is no longer generated",
		`deploy/app.ci/kustomization.yaml: line 9 is "- konflux-production.yaml", should be "- konflux-prd-2.yaml"`,
		`deploy/app.ci/namespaces.yaml: line 6 is "    argocd.argoproj.io/sync-options: Prune=true,Delete=confirm", should be "    argocd.argoproj.io/sync-options: Prune=false,Delete=confirm"`,
		`deploy/app.ci/policies.yaml: line 51 is "          \"stg-2\",", should be "          \"prd-2\""`,
		"deploy/build-farm/reconciler.yaml: is missing",
		"deploy/konflux/production/prd-1/environment-config.yaml: is no longer generated",
		"deploy/konflux/production/prd-1/kustomization.yaml: is no longer generated",
		"deploy/konflux/staging/stg-2/environment-config.yaml: is no longer generated",
		"deploy/konflux/staging/stg-2/kustomization.yaml: is no longer generated",
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Errorf("Each file that is not as it would be generated is named: -want, +got:\n%s", diff)
	}

	generate(t, p)

	if problems, err := Check(p, files); len(problems) > 0 || err != nil {
		t.Errorf("What was written is what is generated, got %v, %v", problems, err)
	}

	if _, err := os.Stat(p.Root + "/deploy/konflux/production/prd-1"); !os.IsNotExist(err) {
		t.Errorf("A directory that became empty is removed, got %v", err)
	}

	kept := tree(t, p, "deploy")
	for _, name := range []string{"README.md", "konflux/staging/stg-2/by-hand.yaml"} {
		if _, ok := kept[name]; !ok {
			t.Errorf("%s, which was written by hand, is kept", name)
		}
	}
}

// TestOwnCredential gives a cluster a credential of its own, step by step.
func TestOwnCredential(t *testing.T) {
	const begin = "  - name: stg-2\n    namespace: ephemeral-cluster-stg-2\n    formerNamespaces: [ephemeral-cluster-staging]\n"

	// What the cluster's own tree has, if it has one.
	type connection struct {
		Fetches, Starts, Keeps bool
	}

	steps := []struct {
		reason string
		change string
		want   connection
	}{
		{
			reason: "While it is only there, the tree is as it was.",
			change: begin + "    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1]}\n",
		},
		{
			reason: "Then the cluster fetches it, and all else is as it was.",
			change: begin + "    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1], inUse: true}\n    formerCredential: staging\n",
			want:   connection{Fetches: true},
		},
		{
			reason: "Once it has it, provider-kubernetes is started anew, though its version is the same, and what is new goes to another namespace.",
			change: begin + "    credential: {vaultPath: staging/appci-stg-2, tokenVersions: [1], inUse: true}\n",
			want:   connection{Fetches: true, Starts: true, Keeps: true},
		},
	}

	p := newCheckout(t, fixture)
	was := "  - name: stg-2\n"

	for _, s := range steps {
		replace(t, p, p.File, was, s.change)
		was = s.change

		generate(t, p)

		files := tree(t, p, "deploy/konflux/staging")

		got := connection{
			Fetches: strings.Contains(files["stg-2/base/external-secret.yaml"], "staging/appci-stg-2"),
			Starts:  strings.Contains(files["stg-2/base/provider.yaml"], "konflux-stg-2-token-v1"),
			Keeps:   strings.Contains(files["stg-2/base/kustomization.yaml"], "ephemeral-cluster-stg-2"),
		}
		if diff := cmp.Diff(s.want, got); diff != "" {
			t.Errorf("\n%s\n-want, +got:\n%s", s.reason, diff)
		}

		if strings.Contains(files["base/provider.yaml"]+files["base/external-secret.yaml"], "stg-2") {
			t.Errorf("\n%s\nThe others' tree is not about it", s.reason)
		}
	}
}

// TestKeptDefinitions lets a checkout move on from the definitions that environments
// are still on.
func TestKeptDefinitions(t *testing.T) {
	p := newCheckout(t, fixture)
	generate(t, p)

	before := tree(t, p, ".")

	// An environment's XRD would be refused if it had more than the CRD.
	for _, f := range []string{"api/crd/ci.openshift.io_ephemeralclusters.yaml", "xrd/claims.yaml", "xrd/v2.yaml"} {
		replace(t, p, f, "tearDownCluster: {type: boolean}", "tearDownCluster: {type: boolean}\n              new: {type: string}")
		delete(before, f)
	}

	generate(t, p)

	after := tree(t, p, ".")
	for _, f := range []string{"api/crd/ci.openshift.io_ephemeralclusters.yaml", "xrd/claims.yaml", "xrd/v2.yaml"} {
		delete(after, f)
	}

	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("A change of the definitions reaches no environment by itself: -want, +got:\n%s", diff)
	}

	kept := kept(t, p)
	replace(t, p, kept+"/claims/xrd.yaml", "boolean", "string")

	if _, err := Generate(p); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(kept, "deploy/")+" was edited by hand: it is sha256:") {
		t.Errorf("Definitions that were edited are not the ones that were released, got %v", err)
	}

	if err := os.RemoveAll(filepath.Join(p.Root, kept)); err != nil {
		t.Fatal(err)
	}

	if _, err := Generate(p); err == nil || !strings.Contains(err.Error(), "there is no set of definitions sha256:") {
		t.Errorf("Definitions that are nowhere cannot be generated, got %v", err)
	}
}

// kept returns the one directory of definitions that are kept.
func kept(t *testing.T, p Paths) string {
	t.Helper()

	dirs, err := filepath.Glob(p.Root + "/deploy/api/*")
	if err != nil || len(dirs) != 1 {
		t.Fatalf("one set is kept, got %v, %v", dirs, err)
	}

	rel, err := filepath.Rel(p.Root, dirs[0])
	if err != nil {
		t.Fatal(err)
	}

	return rel
}
