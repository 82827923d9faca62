package request

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// bookkeeping are the fields that an API server, Crossplane or kubectl keep of an object that
// exists. A manifest has them that was exported, and they ask for nothing: an API server
// refuses some of them, and others tie a cluster to another.
func bookkeeping(object map[string]any) [][]string {
	fields := [][]string{
		{"status"},
		{"metadata", "creationTimestamp"},
		{"metadata", "deletionGracePeriodSeconds"},
		{"metadata", "deletionTimestamp"},
		{"metadata", "generation"},
		{"metadata", "managedFields"},
		{"metadata", "resourceVersion"},
		{"metadata", "selfLink"},
		{"metadata", "uid"},
		{"metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration"},
		{"metadata", "labels", "crossplane.io/claim-name"},
		{"metadata", "labels", "crossplane.io/claim-namespace"},
		{"metadata", "labels", "crossplane.io/composite"},
		{"spec", "resourceRef"},
		{"spec", "crossplane", "resourceRefs"},
	}

	// Where Crossplane's settings are, of a claim and of a namespaced composite.
	for _, settings := range [][]string{{"spec"}, {"spec", "crossplane"}} {
		at := func(field string) []string { return append(append([]string{}, settings...), field) }

		if policy, _, _ := unstructured.NestedString(object, at("compositionUpdatePolicy")...); policy != "Manual" {
			fields = append(fields, at("compositionRevisionRef"))
		}
	}

	return fields
}

// withoutBookkeeping removes it from an object.
func withoutBookkeeping(object map[string]any) {
	for _, field := range bookkeeping(object) {
		unstructured.RemoveNestedField(object, field...)
	}
}
