package xrd

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseSource(t *testing.T) {
	crd, err := os.ReadFile("testdata/crd.yaml")
	if err != nil {
		t.Fatal(err)
	}

	const (
		other = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: others.ci.openshift.io}
spec: {group: ci.openshift.io, names: {kind: Other, plural: others}, scope: Namespaced, versions: []}
`
		typo = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ephemeralclusters.ci.openshift.io}
spec: {groop: ci.openshift.io, names: {kind: EphemeralCluster, plural: ephemeralclusters}, scope: Namespaced, versions: []}
`
		configMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: some}
data: {spec: text}
`
	)

	type want struct {
		name string
		err  error
	}

	cases := map[string]struct {
		reason string
		in     string
		want   want
	}{
		"Alone": {
			reason: "The CRD may be all there is.",
			in:     string(crd),
			want:   want{name: "ephemeralclusters.ci.openshift.io"},
		},
		"AmongOthers": {
			reason: "The CRD is found among other documents.",
			in:     "---\n" + configMap + "---\n" + other + "---\n" + string(crd),
			want:   want{name: "ephemeralclusters.ci.openshift.io"},
		},
		"Twice": {
			reason: "Of two CRDs it is not clear which one is meant.",
			in:     string(crd) + "\n---\n" + string(crd),
			want:   want{err: cmpopts.AnyError},
		},
		"NotThere": {
			reason: "Without the CRD there is nothing to generate from.",
			in:     other,
			want:   want{err: cmpopts.AnyError},
		},
		"UnknownField": {
			reason: "A field that no CRD has is a mistake.",
			in:     typo,
			want:   want{err: cmpopts.AnyError},
		},
		"NotYAML": {
			reason: "What cannot be parsed is an error.",
			in:     "{",
			want:   want{err: cmpopts.AnyError},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""

			src, err := ParseSource([]byte(tc.in))
			if src != nil {
				got = src.CRD.GetName()
			}

			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nParseSource(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want.name, got); diff != "" {
				t.Errorf("%s\nParseSource(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
