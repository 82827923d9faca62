package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

// writeCRD writes a CRD to a file of its own.
func writeCRD(t *testing.T, crd *extv1.CustomResourceDefinition) string {
	t.Helper()

	b, err := yaml.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), "crd.yaml")
	if err := os.WriteFile(path, b, modeFile); err != nil {
		t.Fatal(err)
	}

	return path
}

// edited is the project's CRD, with its specification changed.
func edited(t *testing.T, edit func(operator map[string]extv1.JSONSchemaProps)) *extv1.CustomResourceDefinition {
	t.Helper()

	crd := loadCRD(t)
	edit(crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["ciOperator"].Properties)

	return crd
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   func(t *testing.T) []string
		want   ran
	}{
		"Current": {
			reason: "The files of the project are those that its CRD makes.",
			args:   func(*testing.T) []string { return nil },
		},
		"FieldRemoved": {
			reason: "A field that was taken out of the CRD, and nothing done about it, is named in both XRDs.",
			args: func(t *testing.T) []string {
				t.Helper()

				return []string{"--crd", writeCRD(t, edited(t, func(op map[string]extv1.JSONSchemaProps) { delete(op, "buildRoot") }))}
			},
			want: ran{Code: 1, Stdout: `xrd/claims.yaml: v1alpha1 spec.ciOperator.buildRoot: should not be there (breaking)
xrd/v2.yaml: v1alpha1 spec.ciOperator.buildRoot: should not be there (breaking)
`},
		},
		"FieldChanged": {
			reason: "So is one that was put in, and one that is of another type.",
			args: func(t *testing.T) []string {
				t.Helper()

				return []string{"--crd", writeCRD(t, edited(t, func(op map[string]extv1.JSONSchemaProps) {
					workflow := op["test"].Properties["workflow"]
					workflow.Type = "integer"
					op["test"].Properties["workflow"] = workflow
					op["more"] = extv1.JSONSchemaProps{Type: "string"}
				}))}
			},
			want: ran{Code: 1, Stdout: `xrd/claims.yaml: v1alpha1 spec.ciOperator.more: is missing
xrd/claims.yaml: v1alpha1 spec.ciOperator.test.workflow: type is "string", should be "integer" (breaking)
xrd/v2.yaml: v1alpha1 spec.ciOperator.more: is missing
xrd/v2.yaml: v1alpha1 spec.ciOperator.test.workflow: type is "string", should be "integer" (breaking)
`},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := gen(t, nil, append([]string{"xrd", "--check"}, tc.args(t)...)...)
			got.Stderr = ""

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\ngen xrd --check: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// Whatever is not as it was generated is told, and what changes nothing in the XRD too.
func TestCheckEdited(t *testing.T) {
	cases := map[string]struct {
		reason   string
		old, new string
		want     string
	}{
		"Header": {
			reason: "A header of another CRD is stale, even if the XRD is the same.",
			old:    "sha256:", new: "sha256:0",
			want: `claims.yaml: line 2 is "# From CRD ephemeralclusters.ci.openshift.io, sha256:0`,
		},
		"Names": {
			reason: "What is not in the schema is compared.",
			old:    "plural: xtestplatformclusters", new: "plural: others",
			want: `claims.yaml: spec.names.plural: value is "others", should be "xtestplatformclusters"` + "\n",
		},
		"Annotation": {
			reason: "Metadata is compared.",
			old:    "SkipDryRunOnMissingResource=true,Prune=false,Delete=confirm", new: "Other=true",
			want: `claims.yaml: metadata.annotations."argocd.argoproj.io/sync-options": value is "Other=true", should be "SkipDryRunOnMissingResource=true,Prune=false,Delete=confirm"` + "\n",
		},
		"Description": {
			reason: "What is said to people is compared.",
			old:    "Channel of releases.", new: "Other.",
			want: `claims.yaml: v1alpha1 spec.ciOperator.releases.*.release.channel: description is "Other.", should be "Channel of releases."` + "\n",
		},
		"Comment": {
			reason: "What says nothing to a program is compared as text.",
			old:    "kind: CompositeResourceDefinition", new: "kind: CompositeResourceDefinition # edited",
			want: `claims.yaml: line 4 is "kind: CompositeResourceDefinition # edited", should be "kind: CompositeResourceDefinition"` + "\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()

			if got := gen(t, nil, "xrd", "--out", dir); got.Code != 0 {
				t.Fatalf("gen xrd: %+v", got)
			}

			if got := gen(t, nil, "xrd", "--check", "--out", dir); got.Code != 0 {
				t.Fatalf("gen xrd --check of what was just generated: %+v", got)
			}

			path := filepath.Join(dir, xrd.FileClaims)

			b, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				t.Fatal(err)
			}

			if err := os.WriteFile(path, bytes.Replace(b, []byte(tc.old), []byte(tc.new), 1), modeFile); err != nil {
				t.Fatal(err)
			}

			got := gen(t, nil, "xrd", "--check", "--out", dir)
			if got.Code != 1 || !strings.HasPrefix(strings.TrimPrefix(got.Stdout, dir+"/"), tc.want) {
				t.Errorf("%s\ngen xrd --check: want code 1 and %q, got %+v", tc.reason, tc.want, got)
			}
		})
	}
}

func TestBreaking(t *testing.T) {
	file := func(edit func(operator map[string]extv1.JSONSchemaProps)) func(t *testing.T) string {
		return func(t *testing.T) string {
			t.Helper()

			return writeCRD(t, edited(t, edit))
		}
	}

	tightened := func(op map[string]extv1.JSONSchemaProps) {
		test := op["test"]
		test.Required = []string{"workflow"}
		test.Properties["workflow"] = extv1.JSONSchemaProps{Type: "string", Enum: []extv1.JSON{{Raw: []byte(`"a"`)}}}
		test.Properties["region"] = extv1.JSONSchemaProps{Type: "string"}
		test.Properties["env"] = extv1.JSONSchemaProps{Type: "string"}
		delete(test.Properties, "clusterProfile")

		op["test"] = test
	}

	cases := map[string]struct {
		reason string
		to     func(t *testing.T) string
		all    []string
		want   ran
	}{
		"Same": {
			reason: "What does not change breaks nothing.",
			to:     file(func(map[string]extv1.JSONSchemaProps) {}),
			all:    []string{"--all"},
		},
		"Added": {
			reason: "A new field breaks nothing.",
			to:     file(func(op map[string]extv1.JSONSchemaProps) { op["more"] = extv1.JSONSchemaProps{Type: "string"} }),
		},
		"AddedAll": {
			reason: "But it is a change.",
			to:     file(func(op map[string]extv1.JSONSchemaProps) { op["more"] = extv1.JSONSchemaProps{Type: "string"} }),
			all:    []string{"--all"},
			want:   ran{Code: 1, Stdout: "v1 spec.ciOperator.more: added\n"},
		},
		"Tightened": {
			reason: "Fields that are removed, retyped or newly required and enums that are tightened are named as such.",
			to:     file(tightened),
			want: ran{Code: 1, Stdout: `v1 spec.ciOperator.test.clusterProfile: removed (breaking)
v1 spec.ciOperator.test.env: retyped from "object" to "string" (breaking)
v1 spec.ciOperator.test.workflow: enum ["a"] added (breaking)
v1 spec.ciOperator.test.workflow: newly required (breaking)
`},
		},
		"Version": {
			reason: "A version that is gone breaks all of its requests.",
			to: func(t *testing.T) string {
				t.Helper()

				crd := loadCRD(t)
				crd.Spec.Versions[0].Name = "v2"
				crd.Spec.Scope = extv1.ClusterScoped

				return writeCRD(t, crd)
			},
			want: ran{Code: 1, Stdout: `spec.scope: value changed from "Namespaced" to "Cluster" (breaking)
spec.versions.v1: removed (breaking)
`},
		},
		"Unserved": {
			reason: "So does one that is no longer served.",
			to: func(t *testing.T) string {
				t.Helper()

				crd := loadCRD(t)
				crd.Spec.Versions[0].Served = false

				return writeCRD(t, crd)
			},
			want: ran{Code: 1, Stdout: "spec.versions.v1.served: value changed from true to false (breaking)\n"},
		},
		"Status": {
			reason: "Without its subresource a status cannot be reported, and whoever may write the spec writes it.",
			to: func(t *testing.T) string {
				t.Helper()

				crd := loadCRD(t)
				crd.Spec.Versions[0].Subresources = nil

				return writeCRD(t, crd)
			},
			want: ran{Code: 1, Stdout: "spec.versions.v1.subresources: removed (breaking)\n"},
		},
		"StatusForScale": {
			reason: "One subresource does not make up for another, and a new one breaks nothing.",
			to: func(t *testing.T) string {
				t.Helper()

				crd := loadCRD(t)
				crd.Spec.Versions[0].Subresources = &extv1.CustomResourceSubresources{Scale: &extv1.CustomResourceSubresourceScale{SpecReplicasPath: ".spec.replicas", StatusReplicasPath: ".status.replicas"}}
				crd.Spec.Versions[0].SelectableFields = []extv1.SelectableField{{JSONPath: ".status.phase"}}

				return writeCRD(t, crd)
			},
			want: ran{Code: 1, Stdout: "spec.versions.v1.subresources.status: removed (breaking)\n"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := gen(t, nil, append([]string{"breaking", crdFile, tc.to(t)}, tc.all...)...)
			got.Stderr = ""

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\ngen breaking: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
