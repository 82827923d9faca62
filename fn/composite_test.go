package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"
)

func TestTenant(t *testing.T) {
	cases := map[string]struct {
		reason string
		xr     string
		want   string
	}{
		"Claim": {
			reason: "A claim's namespace is its tenant.",
			xr:     "{metadata: {name: a}, spec: {claimRef: {namespace: tenant-a}}}",
			want:   "tenant-a",
		},
		"Namespaced": {
			reason: "A namespaced composite's own namespace is its tenant, whatever its spec says.",
			xr:     "{metadata: {name: a, namespace: tenant-b}, spec: {claimRef: {namespace: tenant-a}}}",
			want:   "tenant-b",
		},
		"Annotation": {
			reason: "An annotation is the tenant's to write, and says nothing.",
			xr:     "{metadata: {name: a, annotations: {ephemeralcluster.ci.openshift.io/konflux-tenant: tenant-a}}}",
			want:   "",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, compositeFrom(fromYAML(tc.xr)).tenant); diff != "" {
				t.Errorf("%s\ncompositeFrom(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestExternalName(t *testing.T) {
	const uid = "6f2b7a0c-2d59-4d0c-9f6a-3c2d6f1e8a11"

	cases := map[string]struct {
		reason string
		c      composite
		want   string
	}{
		"Claim": {
			reason: "A claim's composite has a name of Crossplane's making, and keeps it.",
			c:      composite{name: "cluster-abcde", uid: uid},
			want:   "cluster-abcde",
		},
		"Short": {
			reason: "A namespaced composite's name carries its UID.",
			c:      composite{name: "cluster", namespace: "tenant-a", uid: uid},
			want:   "cluster-" + uid,
		},
		"Long": {
			reason: "A long name is cut so that all is a label's value.",
			c:      composite{name: strings.Repeat("a", 200), namespace: "tenant-a", uid: uid},
			want:   strings.Repeat("a", 26) + "-" + uid,
		},
		"CutAtDot": {
			reason: "A cut leaves a valid name.",
			c:      composite{name: strings.Repeat("a", 25) + ".b", namespace: "tenant-a", uid: uid},
			want:   strings.Repeat("a", 25) + "-" + uid,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tc.c.externalName()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nexternalName(): -want, +got:\n%s", tc.reason, diff)
			}

			if problems := append(validation.IsDNS1123Subdomain(got), validation.IsValidLabelValue(got)...); len(problems) > 0 {
				t.Errorf("%s\nexternalName() = %q: %v", tc.reason, got, problems)
			}
		})
	}
}

func TestRunNames(t *testing.T) {
	const prefix = "ephemeralcluster.ci.openshift.io/"

	type want struct {
		valid   map[string]string
		invalid []string
	}

	cases := map[string]struct {
		reason string
		xr     string
		want   want
	}{
		"Both": {
			reason: "Names are passed on.",
			xr:     "{metadata: {annotations: {" + prefix + "pipeline-run-name: a, " + prefix + "task-run-name: b.c}}}",
			want:   want{valid: map[string]string{prefix + "pipeline-run-name": "a", prefix + "task-run-name": "b.c"}},
		},
		"Unset": {
			reason: "An empty annotation is no annotation.",
			xr:     "{metadata: {annotations: {" + prefix + "pipeline-run-name: ''}}}",
			want:   want{valid: map[string]string{}},
		},
		"Invalid": {
			reason: "What is not a name is not passed on, and said.",
			xr:     "{metadata: {annotations: {" + prefix + "pipeline-run-name: 'a b', " + prefix + "task-run-name: b}}}",
			want:   want{valid: map[string]string{prefix + "task-run-name": "b"}, invalid: []string{prefix + "pipeline-run-name"}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			valid, invalid := compositeFrom(fromYAML(tc.xr)).runNames()
			if diff := cmp.Diff(tc.want, want{valid: valid, invalid: invalid}, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nrunNames(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
