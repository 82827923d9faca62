package drift

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

const relative = "spec.ciOperator.releases.*.release.relative"

func options() xrd.Options {
	return xrd.Options{Versions: map[string]string{"v1": "v1alpha1"}, Composition: "claims", NamespacedComposition: "v2"}
}

// load returns the project's CRD, and both XRDs that it makes.
func load(t *testing.T) (crd *extv1.CustomResourceDefinition, claims, v2 *xv1.CompositeResourceDefinition) {
	t.Helper()

	b, err := os.ReadFile("../../api/crd/ci.openshift.io_ephemeralclusters.yaml")
	if err != nil {
		t.Fatal(err)
	}

	src, err := xrd.ParseSource(b)
	if err != nil {
		t.Fatalf("ParseSource(...): %v", err)
	}

	if claims, err = xrd.Claims(src.CRD, options()); err != nil {
		t.Fatalf("Claims(...): %v", err)
	}

	if v2, err = xrd.Namespaced(src.CRD, options()); err != nil {
		t.Fatalf("Namespaced(...): %v", err)
	}

	return src.CRD, claims, v2
}

// at edits the schema of a field, whose path has * for a map's values.
func at(s *extv1.JSONSchemaProps, path string, edit func(*extv1.JSONSchemaProps)) {
	name, rest, _ := strings.Cut(path, ".")

	switch {
	case path == "":
		edit(s)
	case name == "*":
		at(s.AdditionalProperties.Schema, rest, edit)
	default:
		p := s.Properties[name]
		at(&p, rest, edit)
		s.Properties[name] = p
	}
}

func editXRD(t *testing.T, x *xv1.CompositeResourceDefinition, path string, edit func(*extv1.JSONSchemaProps)) {
	t.Helper()

	s := &extv1.JSONSchemaProps{}
	if err := json.Unmarshal(x.Spec.Versions[0].Schema.OpenAPIV3Schema.Raw, s); err != nil {
		t.Fatal(err)
	}

	at(s, path, edit)

	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}

	x.Spec.Versions[0].Schema.OpenAPIV3Schema.Raw = b
}

func editCRD(crd *extv1.CustomResourceDefinition, path string, edit func(*extv1.JSONSchemaProps)) {
	at(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, path, edit)
}

func without(field string) func(*extv1.JSONSchemaProps) {
	return func(s *extv1.JSONSchemaProps) { delete(s.Properties, field) }
}

func with(field string, p extv1.JSONSchemaProps) func(*extv1.JSONSchemaProps) {
	return func(s *extv1.JSONSchemaProps) { s.Properties[field] = p }
}
