package drift

import (
	"testing"
	"time"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

func toUnstructured(t *testing.T, o runtime.Object) *unstructured.Unstructured {
	t.Helper()

	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}

	return &unstructured.Unstructured{Object: content}
}

// cluster answers requests for CRDs with one after the other, and with the last from
// then on.
func cluster(t *testing.T, x *xv1.CompositeResourceDefinition, crds ...*extv1.CustomResourceDefinition) (c *dynamicfake.FakeDynamicClient, asked *int) {
	t.Helper()

	c = dynamicfake.NewSimpleDynamicClient(runtime.NewScheme())
	asked = new(int)

	if x != nil {
		if err := c.Tracker().Create(live.XRDs(), toUnstructured(t, x), ""); err != nil {
			t.Fatal(err)
		}
	}

	c.PrependReactor("get", live.CRDs().Resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		crd := toUnstructured(t, crds[min(*asked, len(crds)-1)])
		crd.SetGroupVersionKind(extv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))
		*asked++

		return true, crd, nil
	})

	return c, asked
}

func TestRunSettles(t *testing.T) {
	crd, x, _ := load(t)

	behind := x.DeepCopy()
	editXRD(t, behind, "spec.ciOperator.releases.*.release", without("relative"))

	served := func(x *xv1.CompositeResourceDefinition) *extv1.CustomResourceDefinition {
		crds, err := xrd.Serve(x)
		if err != nil {
			t.Fatalf("Serve(...): %v", err)
		}

		return crds[len(crds)-1]
	}

	type want struct {
		Findings int
		Asked    int
	}

	cases := map[string]struct {
		reason string
		served []*extv1.CustomResourceDefinition
		settle time.Duration
		want   want
	}{
		"Follows": {
			reason: "What Crossplane serves as it is needs no second look.",
			served: []*extv1.CustomResourceDefinition{served(x)},
			settle: time.Minute,
			want:   want{Asked: 1},
		},
		"Soon": {
			reason: "A change that Crossplane is only about to serve is waited for.",
			served: []*extv1.CustomResourceDefinition{served(behind), served(x)},
			settle: time.Minute,
			want:   want{Asked: 2},
		},
		"Never": {
			reason: "One that it does not serve in time is drift.",
			served: []*extv1.CustomResourceDefinition{served(behind)},
			settle: time.Millisecond,
			want:   want{Findings: 1, Asked: 1},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			appCI, _ := cluster(t, nil, crd)
			konflux, asked := cluster(t, x, tc.served...)

			report, err := Run(t.Context(), appCI, konflux, Options{Versions: options().Versions, Settle: tc.settle})
			if err != nil {
				t.Fatalf("Run(...): %v", err)
			}

			if diff := cmp.Diff(tc.want, want{Findings: len(report.Findings), Asked: *asked}); diff != "" {
				t.Errorf("%s\nRun(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
