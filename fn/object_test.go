package main

import (
	"testing"

	clusterobject "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	namespacedobject "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced/object/v1alpha1"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	kjson "sigs.k8s.io/json"
)

// TestObjectTypes holds what is built against provider-kubernetes' own types: a
// field that they do not have would be dropped by the API server, or refused.
func TestObjectTypes(t *testing.T) {
	cases := map[string]struct {
		reason string
		rsp    *fnv1.RunFunctionResponse
		into   func() any
	}{
		"Claim": {
			reason: "The Objects of a claim are cluster-scoped ones.",
			rsp:    run(t, requestOf(fromYAML(testXR), withObserved("ec", onAppCI(writing(fromYAML(testEC)), testStatusReady)))),
			into:   func() any { return &clusterobject.Object{} },
		},
		"Namespaced": {
			reason: "The Objects of a namespaced composite are namespaced ones.",
			rsp:    run(t, requestOf(namespacedXR(), withObserved("ec", onAppCI(namespacedEC(), testStatusReady)))),
			into:   func() any { return &namespacedobject.Object{} },
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := len(tc.rsp.GetDesired().GetResources()); got != 2 {
				t.Errorf("%s\nWant two Objects, got %d.", tc.reason, got)
			}

			for name, r := range tc.rsp.GetDesired().GetResources() {
				b, err := r.GetResource().MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}

				strict, err := kjson.UnmarshalStrict(b, tc.into())
				if err := errors.Join(append(strict, err)...); err != nil {
					t.Errorf("%s\n%s: %v", tc.reason, name, err)
				}
			}
		})
	}
}
