package drift

import (
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

// own is a field of a claim that only an older Crossplane adds.
const own = "publishConnectionDetailsTo"

func TestCompareServed(t *testing.T) {
	finding := func(d Definition) []Finding {
		return []Finding{{Version: "v1alpha1", Path: relative, Kind: schema.Pruned, Cluster: Konflux, Definition: d, Detail: "there is no such field"}}
	}

	drop := func(crd *extv1.CustomResourceDefinition) {
		editCRD(crd, "spec.ciOperator.releases.*.release", without("relative"))
	}

	cases := map[string]struct {
		reason string

		// xrd edits the XRD before, and served the CRD after Crossplane has served it.
		xrd    func(t *testing.T, x *xv1.CompositeResourceDefinition)
		served func(crd *extv1.CustomResourceDefinition)

		want []Finding
	}{
		"Follows": {
			reason: "What Crossplane serves for the XRD is no drift, and neither are fields of another version of it.",
			served: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "spec", with(own, extv1.JSONSchemaProps{Type: "object"}))
			},
		},
		"Behind": {
			reason: "What Crossplane does not serve yet, tenants do not have.",
			served: drop,
			want:   finding(CRD),
		},
		"Both": {
			reason: "What neither has is said once, of the XRD.",
			xrd: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, "spec.ciOperator.releases.*.release", without("relative"))
			},
			want: finding(XRD),
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			crd, x, _ := load(t)

			if tc.xrd != nil {
				tc.xrd(t, x)
			}

			served, err := xrd.Serve(x)
			if err != nil {
				t.Fatalf("Serve(...): %v", err)
			}

			claim := served[len(served)-1]
			if tc.served != nil {
				tc.served(claim)
			}

			got, err := Compare(crd, x, claim, options().Versions)
			if err != nil {
				t.Fatalf("Compare(...): %v", err)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nCompare(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCompareVersions(t *testing.T) {
	cases := map[string]struct {
		reason   string
		versions map[string]string
		mutate   func(crd *extv1.CustomResourceDefinition, x *xv1.CompositeResourceDefinition)
		want     string
	}{
		"NotMapped": {
			reason: "Names that do not go together are of versions that only one side serves.",
			mutate: func(*extv1.CustomResourceDefinition, *xv1.CompositeResourceDefinition) {},
			want:   `[version "v1" is not served by the Konflux cluster, version "v1alpha1" is not served by app.ci]`,
		},
		"NotServedByXRD": {
			reason:   "A version that is there but not served cannot be compared.",
			versions: options().Versions,
			mutate: func(_ *extv1.CustomResourceDefinition, x *xv1.CompositeResourceDefinition) {
				x.Spec.Versions[0].Served = false
			},
			want: `version "v1alpha1" is not served by the Konflux cluster`,
		},
		"NotServedByCRD": {
			reason:   "That holds of app.ci too.",
			versions: options().Versions,
			mutate: func(crd *extv1.CustomResourceDefinition, _ *xv1.CompositeResourceDefinition) {
				crd.Spec.Versions[0].Served = false
			},
			want: `version "v1alpha1" is not served by app.ci`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			crd, x, _ := load(t)
			tc.mutate(crd, x)

			got, err := Compare(crd, x, nil, tc.versions)
			if err == nil {
				err = errors.New("none")
			}

			if diff := cmp.Diff(tc.want, err.Error()); diff != "" || len(got) > 0 {
				t.Errorf("%s\nCompare(...): got findings %v, error: -want, +got:\n%s", tc.reason, got, diff)
			}
		})
	}
}
