package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestFlip sets the other API mode while clusters are in use, and lets Argo CD sync and
// prune.
func TestFlip(t *testing.T) {
	if os.Getenv(assets) == "" {
		t.Skipf("%s does not say where kubectl is", assets)
	}

	p := newCheckout(t, repository)
	generate(t, p)

	dir := filepath.Join(p.Root, p.Out, "konflux", "staging", "stg-1")
	before := build(t, dir)

	replace(t, p, p.File, "api: claims", "api: v2")
	generate(t, p)

	live := build(t, dir)

	for key, o := range before {
		if _, ok := live[key]; !ok && slices.Contains(strings.Split(o.GetAnnotations()["argocd.argoproj.io/sync-options"], ","), "Prune=false") {
			live[key] = o
		}
	}

	var guarded []string

	for _, o := range live {
		if o.GetKind() != "ClusterUsage" {
			continue
		}

		of, _, err := unstructured.NestedMap(o.Object, "spec", "of")
		if err != nil {
			t.Fatal(err)
		}

		name, _, _ := unstructured.NestedString(of, "resourceRef", "name")
		kind, _, _ := unstructured.NestedString(of, "kind")

		if _, ok := live[kind+" "+name]; ok {
			guarded = append(guarded, kind+" "+name)
		}
	}

	slices.Sort(guarded)

	want := []string{
		"CompositeResourceDefinition testplatformclusters.ci.openshift.org",
		"CompositeResourceDefinition xtestplatformclusters.ci.openshift.org",
		"Function function-testplatform-cluster",
		"Provider provider-kubernetes",
	}
	if diff := cmp.Diff(want, guarded); diff != "" {
		t.Errorf("What clusters live by is there, and guarded: -want, +got:\n%s", diff)
	}
}

// build returns the objects of a tree by kind and name.
func build(t *testing.T, dir string) map[string]*unstructured.Unstructured {
	t.Helper()

	objs := map[string]*unstructured.Unstructured{}

	for doc := range strings.SplitSeq(string(run(t, nil, kubectl(), "kustomize", dir)), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}

		objs[u.GetKind()+" "+u.GetName()] = u
	}

	return objs
}
