package config

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestReferences requires that whatever is referred to in a tree is there. What
// Crossplane, Prow and OpenShift CI bring is not.
func TestReferences(t *testing.T) {
	p := newCheckout(t, fixture)
	generate(t, p)

	var objs []*unstructured.Unstructured

	for path, content := range tree(t, p, p.Out) {
		for doc := range strings.SplitSeq(content, "\n---\n") {
			u := &unstructured.Unstructured{}
			if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
				t.Fatalf("%s: %v", path, err)
			}

			objs = append(objs, u)
		}
	}

	foreign := []string{"ServiceAccount crossplane"}
	count := 0

	require := func(by *unstructured.Unstructured, kind, name string) {
		count++

		exists := slices.ContainsFunc(objs, func(o *unstructured.Unstructured) bool { return o.GetKind() == kind && o.GetName() == name })
		if !exists && !slices.Contains(foreign, kind+" "+name) {
			t.Errorf("%s %s refers to %s %s, which is not generated", by.GetKind(), by.GetName(), kind, name)
		}
	}

	for _, o := range objs {
		for _, path := range [][]string{{"spec", "runtimeConfigRef"}, {"roleRef"}} {
			if ref, ok, _ := unstructured.NestedStringMap(o.Object, path...); ok {
				require(o, ref["kind"], ref["name"])
			}
		}

		for _, path := range [][]string{
			{"spec", "deploymentTemplate", "spec", "template", "spec", "serviceAccountName"},
			{"spec", "template", "spec", "serviceAccountName"},
		} {
			if name, ok, _ := unstructured.NestedString(o.Object, path...); ok {
				require(o, "ServiceAccount", name)
			}
		}

		if name, ok, _ := unstructured.NestedString(o.Object, "spec", "policyName"); ok {
			require(o, "ValidatingAdmissionPolicy", name)
		}

		if name := o.GetAnnotations()["kubernetes.io/service-account.name"]; name != "" {
			require(o, "ServiceAccount", name)
		}

		if ns := o.GetNamespace(); strings.HasPrefix(ns, "ephemeral-cluster") || strings.HasPrefix(ns, "crossplane") {
			require(o, "Namespace", ns)
		}

		subjects, _, _ := unstructured.NestedSlice(o.Object, "subjects")
		for _, s := range subjects {
			m, _ := s.(map[string]any)
			name, _ := m["name"].(string)
			require(o, "ServiceAccount", name)
		}
	}

	if count < 50 {
		t.Errorf("there are more references than %d", count)
	}
}
