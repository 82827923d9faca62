package main

import (
	"testing"

	clusterobject "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"google.golang.org/protobuf/types/known/structpb"
	kjson "sigs.k8s.io/json"
)

// TestObjectTypes holds what is built against provider-kubernetes' own types: a
// field that they do not have would be dropped by the API server, or refused.
func TestObjectTypes(t *testing.T) {
	cases := map[string]struct {
		reason  string
		objects []*structpb.Struct
		into    func() any
	}{
		"Claim": {
			reason: "The Objects of a claim are cluster-scoped ones.",
			objects: []*structpb.Struct{
				run(t, requestOf(fromYAML(testXR), withObserved("ec", onAppCI(writing(fromYAML(testEC)), testStatusReady)))).GetDesired().GetResources()["ec"].GetResource(),
				run(t, requestOf(fromYAML(testXR), withObserved("ec", onAppCI(writing(fromYAML(testEC)), testStatusReady)))).GetDesired().GetResources()["credentials"].GetResource(),
			},
			into: func() any { return &clusterobject.Object{} },
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, o := range tc.objects {
				b, err := o.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}

				strict, err := kjson.UnmarshalStrict(b, tc.into())
				if err := errors.Join(append(strict, err)...); err != nil {
					t.Errorf("%s\n%s: %v", tc.reason, stringAt(o, "metadata", "name"), err)
				}
			}
		})
	}
}
