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

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/manifest"
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
		`deploy/app.ci/policies.yaml: line 45 is "          \"stg-2\",", should be "          \"prd-2\""`,
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

func TestTogether(t *testing.T) {
	more := func(files ...string) func(*testing.T, Paths) {
		return func(t *testing.T, p Paths) {
			t.Helper()

			for _, f := range files {
				replace(t, p, f, "tearDownCluster: {type: boolean}", "tearDownCluster: {type: boolean}\n              new: {type: string}")
			}
		}
	}
	change := func(file, from, to string) func(*testing.T, Paths) {
		return func(t *testing.T, p Paths) {
			t.Helper()
			replace(t, p, file, from, to)
		}
	}

	cases := map[string]struct {
		reason string
		change func(*testing.T, Paths)
		err    string
	}{
		"ModulesDiffer": {
			reason: "What the code is written for is what the tests run.",
			change: change("go.mod", "v1.3.1", "v1.3.0"),
			err:    "test/tools/provider-kubernetes/go.mod requires provider-kubernetes v1.3.1, but go.mod requires v1.3.0: bump both",
		},
		"NotTested": {
			reason: "The first environment runs what is tested.",
			change: func(t *testing.T, p Paths) {
				t.Helper()
				replace(t, p, "go.mod", "v1.3.1", "v1.4.0")
				replace(t, p, "test/tools/provider-kubernetes/go.mod", "v1.3.1", "v1.4.0")
			},
			err: "environments[staging].versions.provider is v1.3.1, but test/tools/provider-kubernetes/go.mod requires v1.4.0, which is what is tested: bump both",
		},
		"Skipped": {
			reason: "No environment is ahead of the one before it.",
			change: change("environments.yaml", "'v1.3.0'", "v1.4.0"),
			err:    "environments[production].versions.provider is v1.4.0, but environments[staging], which comes before, has v1.3.1: promote to that first",
		},
		"XRDWithoutCRD": {
			reason: "What tenants may ask for must not be lost on app.ci.",
			change: more("xrd/claims.yaml"),
			err:    "environments[staging].versions.api: its XRD takes what the CRD of appCI.versions.api does not: spec.new: removed: a CRD is widened before XRDs, and narrowed after them",
		},
		"OtherFunction": {
			reason: "The Composition calls the function that is installed.",
			change: change("composition/v2.yaml", "function-testplatform-cluster", "function-other"),
			err:    `environments[production].clusters[prd-2].versions.api: the function that the Composition calls is "function-other", but "function-testplatform-cluster" is what is generated: change both`,
		},
		"OtherEnvironmentConfig": {
			reason: "It asks for the EnvironmentConfig that there is.",
			change: change("composition/claims.yaml", "name: envcfg", "name: env"),
			err:    `environments[staging].versions.api: the EnvironmentConfig that the Composition asks for is "env", but "envcfg" is what is generated: change both`,
		},
		"OtherConnectionNamespace": {
			reason: "It writes connection Secrets where there is a namespace.",
			change: change("composition/claims.yaml", "crossplane-connections", "connections"),
			err:    `environments[staging].versions.api: the namespace of connection Secrets is "connections", but "crossplane-connections" is what is generated: change both`,
		},
		"OtherComposition": {
			reason: "The XRD asks for the Composition that there is.",
			change: change("xrd/claims.yaml", "enforcedCompositionRef: {name: testplatform-ephemeral-cluster}", "enforcedCompositionRef: {name: other}"),
			err:    `environments[staging].versions.api: the Composition that the XRD asks for is "other", but "testplatform-ephemeral-cluster" is what is generated: change both`,
		},
		"MoreThanOneStep": {
			reason: "The namespace is set in the one step that there is.",
			change: change("xrd/claims.yaml", "  enforcedCompositionRef: {name: testplatform-ephemeral-cluster}\n", ""),
			err:    "environments[staging].versions.api: the Composition has not one step, or the XRD does not name it",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newCheckout(t, fixture)

			was, err := CheckoutDigest(p)
			if err != nil {
				t.Fatal(err)
			}

			tc.change(t, p)
			// Every environment is on the changed definitions.
			is, err := CheckoutDigest(p)
			if err != nil {
				t.Fatal(err)
			}

			b, err := os.ReadFile(filepath.Join(p.Root, p.File))
			if err != nil {
				t.Fatal(err)
			}

			put(t, p, p.File, strings.ReplaceAll(string(b), was, is))

			got := ""
			if _, err := Generate(p); err != nil {
				got = err.Error()
			}

			if diff := cmp.Diff("environments.yaml: these go together:\n"+tc.err, got); diff != "" {
				t.Errorf("\n%s\nGenerate(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}
