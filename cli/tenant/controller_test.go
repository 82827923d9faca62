package tenant

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMadeFor(t *testing.T) {
	object := func(name string) *metav1.OwnerReference {
		return &metav1.OwnerReference{APIVersion: "kubernetes.m.crossplane.io/v1alpha1", Kind: "Object", Name: name, UID: "o"}
	}

	cases := map[string]struct {
		reason     string
		controller *metav1.OwnerReference
		want       bool
	}{
		"Nobody":        {reason: "A Secret of nobody's was not made for it."},
		"Claim":         {reason: "Crossplane writes a claim's Secret.", controller: &metav1.OwnerReference{APIVersion: "ci.openshift.org/v1alpha1", UID: "u-1"}, want: true},
		"AnotherClaim":  {reason: "Another's is not its own.", controller: &metav1.OwnerReference{APIVersion: "ci.openshift.org/v1alpha1", UID: "u-2"}},
		"Object":        {reason: "An Object writes a composite's.", controller: object("credentials-demo-u-1-0a1b2c3d"), want: true},
		"AnotherObject": {reason: "Another composite's Object does not.", controller: object("credentials-demo-u-2-0a1b2c3d")},
		"AnotherKind":   {reason: "A name says nothing elsewhere.", controller: &metav1.OwnerReference{APIVersion: "v1", Name: "demo-u-1"}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, madeFor(tc.controller, "u-1")); diff != "" {
				t.Errorf("%s\nmadeFor(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
