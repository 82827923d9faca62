package drift

import (
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

func TestCompare(t *testing.T) {
	const releases = "spec.ciOperator.releases.*.release"

	str := extv1.JSONSchemaProps{Type: "string"}

	cases := map[string]struct {
		reason string

		// app and konflux edit what is live on the two.
		app     func(crd *extv1.CustomResourceDefinition)
		konflux func(t *testing.T, x *xv1.CompositeResourceDefinition)

		want []Finding
	}{
		"Same": {
			reason: "What was generated offers exactly what it was generated from; Crossplane's fields are no drift.",
		},
		"Pruned": {
			reason: "A field that the XRD lacks is dropped on the Konflux cluster, below maps too.",
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, releases, without("relative"))
			},
			want: []Finding{{Path: relative, Kind: schema.Pruned, Cluster: Konflux, Detail: "there is no such field"}},
		},
		"PrunedOnAppCI": {
			reason: "A field that the CRD lacks is dropped on app.ci.",
			app:    func(crd *extv1.CustomResourceDefinition) { editCRD(crd, "spec", without("tearDownCluster")) },
			want:   []Finding{{Path: "spec.tearDownCluster", Kind: schema.Pruned, Cluster: AppCI, Breaking: true, Detail: "there is no such field"}},
		},
		"Retyped": {
			reason: "Another type is refused by either.",
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, releases, with("relative", str))
			},
			want: []Finding{
				{Path: relative, Kind: schema.Refused, Cluster: AppCI, Breaking: true, Detail: `type is "integer", and "string" on the Konflux cluster`},
				{Path: relative, Kind: schema.Refused, Cluster: Konflux, Detail: `type is "string", and "integer" on app.ci`},
			},
		},
		"TightenedOnAppCI": {
			reason: "A limit of app.ci only breaks requests that are valid on the Konflux cluster.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, releases+".channel", func(s *extv1.JSONSchemaProps) { s.Enum = []extv1.JSON{{Raw: []byte(`"stable"`)}} })
			},
			want: []Finding{{
				Path: "spec.ciOperator.releases.*.release.channel", Kind: schema.Refused, Cluster: AppCI, Breaking: true,
				Detail: `enum is ["stable"], and ["candidate","fast","stable"] on the Konflux cluster`,
			}},
		},
		"TightenedOnKonflux": {
			reason: "A limit of the XRD only keeps tenants from what they may have.",
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, releases+".channel", func(s *extv1.JSONSchemaProps) { s.MaxLength = new(int64(3)) })
			},
			want: []Finding{{
				Path: "spec.ciOperator.releases.*.release.channel", Kind: schema.Refused, Cluster: Konflux,
				Detail: "maxLength is 3, and not set on app.ci",
			}},
		},
		"NewlyRequired": {
			reason: "A field that app.ci requires and the XRD lacks cannot be set, and must be.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "spec.ciOperator.test", func(s *extv1.JSONSchemaProps) {
					s.Properties["region"] = str
					s.Required = []string{"region", "workflow"}
				})
			},
			want: []Finding{
				{Path: "spec.ciOperator.test.region", Kind: schema.Pruned, Cluster: Konflux, Detail: "there is no such field"},
				{Path: "spec.ciOperator.test.region", Kind: schema.Required, Cluster: AppCI, Breaking: true, Detail: "it is optional on the Konflux cluster"},
				{Path: "spec.ciOperator.test.workflow", Kind: schema.Required, Cluster: AppCI, Breaking: true, Detail: "it is optional on the Konflux cluster"},
			},
		},
		"Defaults": {
			reason: "The XRD's default comes first; without one, app.ci's does what it would do anyway.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "spec.ciOperator.test.workflow", func(s *extv1.JSONSchemaProps) { s.Default = &extv1.JSON{Raw: []byte(`"a"`)} })
			},
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, "spec.ciOperator.test.clusterProfile", func(s *extv1.JSONSchemaProps) { s.Default = &extv1.JSON{Raw: []byte(`"b"`)} })
			},
			want: []Finding{
				{Path: "spec.ciOperator.test.clusterProfile", Kind: schema.Defaulted, Cluster: Konflux, Breaking: true, Detail: `default is "b", and not set on app.ci`},
				{Path: "spec.ciOperator.test.workflow", Kind: schema.Defaulted, Cluster: Konflux, Detail: `default is not set, and "a" on app.ci`},
			},
		},
		"UnknownFields": {
			reason: "What the XRD lets through unchecked, app.ci checks.",
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, "spec.ciOperator.test", func(s *extv1.JSONSchemaProps) {
					s.XPreserveUnknownFields = new(true)
					delete(s.Properties, "workflow")
				})
			},
			want: []Finding{
				{
					Path: "spec.ciOperator.test", Kind: schema.Pruned, Cluster: AppCI, Breaking: true,
					Detail: "x-kubernetes-preserve-unknown-fields is not set, and true on the Konflux cluster",
				},
				{
					Path: "spec.ciOperator.test.workflow", Kind: schema.Refused, Cluster: AppCI, Breaking: true,
					Detail: `it must be "string", and the Konflux cluster takes any value`,
				},
			},
		},
		"WhatCrossplaneDrops": {
			reason: "What Crossplane does not take over from the XRD counts as missing.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "spec", func(s *extv1.JSONSchemaProps) { s.MaxProperties = new(int64(1)) })
			},
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, "spec", func(s *extv1.JSONSchemaProps) { s.MaxProperties = new(int64(1)) })
			},
			want: []Finding{{Path: "spec", Kind: schema.Refused, Cluster: AppCI, Breaking: true, Detail: "maxProperties is 1, and not set on the Konflux cluster"}},
		},
		"Status": {
			reason: "A status that tenants do not see is named, but for credentials and Crossplane's conditions; more of it is harmless.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "status", func(s *extv1.JSONSchemaProps) { s.Required = []string{"phase", "prowJobId"} })
			},
			konflux: func(t *testing.T, x *xv1.CompositeResourceDefinition) {
				t.Helper()
				editXRD(t, x, "status", func(s *extv1.JSONSchemaProps) {
					delete(s.Properties, "prowJobURL")
					s.Properties["more"] = str
					s.Properties["phase"] = extv1.JSONSchemaProps{Type: "string", Enum: []extv1.JSON{{Raw: []byte(`"Ready"`)}}}
				})
			},
			want: []Finding{
				{Path: "status.phase", Kind: schema.Refused, Cluster: Konflux, Detail: `enum is ["Ready"], and not set on app.ci`},
				{Path: "status.prowJobURL", Kind: schema.Pruned, Cluster: Konflux, Detail: "there is no such field"},
			},
		},
		"Documentation": {
			reason: "What is said to people is no drift.",
			app: func(crd *extv1.CustomResourceDefinition) {
				editCRD(crd, "spec", func(s *extv1.JSONSchemaProps) { s.Description = "Other." })
			},
		},
	}

	for name, tc := range cases {
		for _, form := range []string{"Claims", "Namespaced"} {
			t.Run(name+"/"+form, func(t *testing.T) {
				crd, x, v2 := load(t)
				if form == "Namespaced" {
					x = v2
				}

				if tc.app != nil {
					tc.app(crd)
				}

				if tc.konflux != nil {
					tc.konflux(t, x)
				}

				for i := range tc.want {
					tc.want[i].Version, tc.want[i].Definition = "v1alpha1", XRD
				}

				got, err := Compare(crd, x, nil, options().Versions)
				if err != nil {
					t.Fatalf("Compare(...): %v", err)
				}

				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s\nCompare(...): -want, +got:\n%s", tc.reason, diff)
				}
			})
		}
	}
}
