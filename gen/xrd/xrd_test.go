package xrd

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

var update = flag.Bool("update", false, "write the golden files")

func options() Options {
	return Options{
		Versions:              map[string]string{"v1": "v1alpha1"},
		Composition:           "for-claims",
		NamespacedComposition: "for-composites",
	}
}

func source(t *testing.T) *Source {
	t.Helper()

	b, err := os.ReadFile("testdata/crd.yaml")
	if err != nil {
		t.Fatal(err)
	}

	src, err := ParseSource(b)
	if err != nil {
		t.Fatalf("ParseSource(...): %v", err)
	}

	return src
}

func TestGenerateGolden(t *testing.T) {
	files, err := Generate(t.Context(), source(t), options(), "go run ./gen xrd")
	if err != nil {
		t.Fatalf("Generate(...): %v", err)
	}

	for _, f := range files {
		golden := filepath.Join("testdata", "golden", f.Name)

		if *update {
			if err := os.WriteFile(golden, f.Content, 0o600); err != nil {
				t.Fatal(err)
			}
		}

		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(string(want), string(f.Content)); diff != "" {
			t.Errorf("Generate(...): %s: -want, +got:\n%s", f.Name, diff)
		}
	}
}

func TestGenerate(t *testing.T) {
	const (
		claim      = "TestPlatformCluster v1alpha1"
		composite  = "XTestPlatformCluster v1alpha1"
		takesPlace = "Crossplane has a field of this name, which takes its place"
	)

	str := extv1.JSONSchemaProps{Type: "string"}

	cases := map[string]struct {
		reason string
		mutate func(root, spec, status *extv1.JSONSchemaProps)
		want   []FieldError
	}{
		"Unchanged": {
			reason: "Nothing is wrong with a plain schema.",
			mutate: func(_, _, _ *extv1.JSONSchemaProps) {},
		},
		"PreserveUnknownFields": {
			reason: "Unknown fields at the root of the spec would pass Crossplane's own.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) { spec.XPreserveUnknownFields = new(true) },
			want: []FieldError{{
				Path:   "spec",
				Reason: "x-kubernetes-preserve-unknown-fields at its root would let a claim set Crossplane's own fields",
			}},
		},
		"SpecKeywords": {
			reason: "Crossplane copies only some keywords of the spec.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) {
				spec.AnyOf = []extv1.JSONSchemaProps{{Required: []string{"size"}}}
				spec.MaxProperties = new(int64(2))
			},
			want: []FieldError{
				{Kind: composite, Path: "spec", Reason: `Crossplane drops its anyOf, [{"required":["size"]}]`},
				{Kind: composite, Path: "spec", Reason: "Crossplane drops its maxProperties, 2"},
				{Kind: claim, Path: "spec", Reason: `Crossplane drops its anyOf, [{"required":["size"]}]`},
				{Kind: claim, Path: "spec", Reason: "Crossplane drops its maxProperties, 2"},
			},
		},
		"RootKeywords": {
			reason: "Crossplane drops what the root says beyond a description and rules.",
			mutate: func(root, _, _ *extv1.JSONSchemaProps) {
				root.Properties["data"] = str
			},
			want: []FieldError{
				{Kind: composite, Path: "data", Reason: "Crossplane drops it"},
				{Kind: claim, Path: "data", Reason: "Crossplane drops it"},
			},
		},
		"OptionalSpec": {
			reason: "Crossplane requires a spec.",
			mutate: func(root, _, _ *extv1.JSONSchemaProps) { root.Required = nil },
			want: []FieldError{
				{Kind: composite, Reason: `Crossplane adds required, ["spec"]`},
				{Kind: claim, Reason: `Crossplane adds required, ["spec"]`},
			},
		},
		"NamePattern": {
			reason: "Crossplane keeps only the length of names.",
			mutate: func(root, _, _ *extv1.JSONSchemaProps) {
				root.Properties["metadata"] = extv1.JSONSchemaProps{
					Type:       "object",
					Properties: map[string]extv1.JSONSchemaProps{"name": {Type: "string", Pattern: "^a", MaxLength: new(int64(9))}},
				}
			},
			want: []FieldError{
				{Kind: composite, Path: "metadata.name", Reason: `Crossplane drops its pattern, "^a"`},
				{Kind: claim, Path: "metadata.name", Reason: `Crossplane drops its pattern, "^a"`},
			},
		},
		"ClaimClash": {
			reason: "A field that only claims have clashes in the claim.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) { spec.Properties["compositeDeletePolicy"] = str },
			want:   []FieldError{{Kind: claim, Path: "spec.compositeDeletePolicy", Reason: takesPlace}},
		},
		"CompositeClash": {
			reason: "A field that only composites have clashes in the composite.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) { spec.Properties["resourceRefs"] = str },
			want:   []FieldError{{Kind: composite, Path: "spec.resourceRefs", Reason: takesPlace}},
		},
		"NamespacedClash": {
			reason: "The field that holds Crossplane's own in a namespaced composite clashes only there.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) { spec.Properties["crossplane"] = str },
			want:   []FieldError{{Kind: claim, Path: "spec.crossplane", Reason: takesPlace}},
		},
		"StatusClash": {
			reason: "Status fields of Crossplane's clash too.",
			mutate: func(_, _, status *extv1.JSONSchemaProps) { status.Properties["claimConditionTypes"] = str },
			want: []FieldError{
				{Kind: composite, Path: "status.claimConditionTypes", Reason: takesPlace},
				{Kind: claim, Path: "status.claimConditionTypes", Reason: takesPlace},
			},
		},
		"RefusedByTheAPIServer": {
			reason: "What Crossplane serves must be a CRD that the API server takes.",
			mutate: func(_, spec, _ *extv1.JSONSchemaProps) {
				spec.Properties["list"] = extv1.JSONSchemaProps{Type: "array"}
			},
			want: []FieldError{
				{
					Kind:   "XTestPlatformCluster",
					Path:   "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[list].items",
					Reason: "the API server refuses it: Required value: must be specified",
				},
				{
					Kind:   "TestPlatformCluster",
					Path:   "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[list].items",
					Reason: "the API server refuses it: Required value: must be specified",
				},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			src := source(t)

			root := src.CRD.Spec.Versions[0].Schema.OpenAPIV3Schema
			spec, status := root.Properties["spec"], root.Properties["status"]
			tc.mutate(root, &spec, &status)
			root.Properties["spec"], root.Properties["status"] = spec, status

			_, err := Generate(t.Context(), src, options(), "")
			if diff := cmp.Diff(tc.want, problems(t, err), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// problems that an error is made of.
func problems(t *testing.T, err error) []FieldError {
	t.Helper()

	if err == nil {
		return nil
	}

	var many FieldErrors
	if errors.As(err, &many) {
		return many
	}

	var one FieldError
	if errors.As(err, &one) {
		return []FieldError{one}
	}

	t.Fatalf("error is not about fields: %v", err)

	return nil
}

func TestGenerateVersions(t *testing.T) {
	cases := map[string]struct {
		reason string
		mutate func(crd *extv1.CustomResourceDefinition)
		want   []FieldError
	}{
		"Webhook": {
			reason: "A conversion webhook is out of reach from another cluster.",
			mutate: func(crd *extv1.CustomResourceDefinition) {
				crd.Spec.Conversion = &extv1.CustomResourceConversion{Strategy: extv1.WebhookConverter}
			},
			want: []FieldError{{Path: "conversion", Reason: "the CRD's webhook cannot be reached from a Konflux cluster"}},
		},
		"SelectableFields": {
			reason: "An XRD has no selectable fields.",
			mutate: func(crd *extv1.CustomResourceDefinition) {
				crd.Spec.Versions[0].SelectableFields = []extv1.SelectableField{{JSONPath: ".spec.size"}}
			},
			want: []FieldError{{Path: "selectableFields", Reason: "an XRD cannot have them"}},
		},
		"ReservedConnectionSecret": {
			reason: "Our own field of the namespaced composite takes the place of the CRD's, as Crossplane's does in a claim.",
			mutate: func(crd *extv1.CustomResourceDefinition) {
				v := crd.Spec.Versions[1].Schema.OpenAPIV3Schema
				v.Properties["spec"].Properties["writeConnectionSecretToRef"] = extv1.JSONSchemaProps{Type: "string"}
			},
			want: []FieldError{
				{Kind: "XTestPlatformCluster v2", Path: "spec.writeConnectionSecretToRef", Reason: "Crossplane has a field of this name, which takes its place"},
				{Kind: "TestPlatformCluster v2", Path: "spec.writeConnectionSecretToRef", Reason: "Crossplane has a field of this name, which takes its place"},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			src := source(t)
			tc.mutate(src.CRD)

			_, err := Generate(t.Context(), src, options(), "")
			if diff := cmp.Diff(tc.want, problems(t, err)); diff != "" {
				t.Errorf("%s\nGenerate(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDeriveVersionsErrors(t *testing.T) {
	cases := map[string]struct {
		reason string
		mutate func(crd *extv1.CustomResourceDefinition)
	}{
		"StorageNotServed": {
			reason: "An XRD's referenceable version must be served.",
			mutate: func(crd *extv1.CustomResourceDefinition) { crd.Spec.Versions[0].Served = false },
		},
		"SameName": {
			reason: "Two versions cannot have one name.",
			mutate: func(crd *extv1.CustomResourceDefinition) { crd.Spec.Versions[1].Name = "v1alpha1" },
		},
		"NoSchema": {
			reason: "A version must have a schema.",
			mutate: func(crd *extv1.CustomResourceDefinition) { crd.Spec.Versions[1].Schema = nil },
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			src := source(t)
			tc.mutate(src.CRD)

			_, err := deriveVersions(src.CRD, options().Versions)
			if diff := cmp.Diff(cmpopts.AnyError, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nderiveVersions(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
