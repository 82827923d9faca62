package xrd

import (
	"context"
	"maps"
	"math"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A server is an API server that has one CRD.
type server interface {
	// create returns the spec of an object as it would be stored, or why it is refused.
	create(t *testing.T, spec map[string]any) (map[string]any, error)
}

// withoutOwn drops what Crossplane's own fields default to.
func withoutOwn(spec map[string]any) map[string]any {
	for _, name := range []string{"crossplane", "compositeDeletePolicy", "compositionUpdatePolicy"} {
		delete(spec, name)
	}

	return spec
}

func newObject(crd *extv1.CustomResourceDefinition, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetAPIVersion(crd.Spec.Group + "/" + crd.Spec.Versions[0].Name)
	u.SetKind(crd.Spec.Names.Kind)
	u.SetName("some")

	if crd.Spec.Scope == extv1.NamespaceScoped {
		u.SetNamespace(metav1.NamespaceDefault)
	}

	u.Object["spec"] = runtime.DeepCopyJSON(spec)

	return u
}

// A remote server is an API server.
type remote struct {
	crd  *extv1.CustomResourceDefinition
	kube client.Client
}

func (s *remote) create(t *testing.T, spec map[string]any) (map[string]any, error) {
	t.Helper()

	u := newObject(s.crd, spec)

	err := s.kube.Create(t.Context(), u, client.DryRunAll)
	if err != nil {
		if !kerrors.IsInvalid(err) {
			t.Fatalf("Create(...): %v", err)
		}

		return nil, err
	}

	got, _, err := unstructured.NestedMap(u.Object, "spec")
	if err != nil {
		t.Fatal(err)
	}

	return withoutOwn(got), nil
}

// An inProcess server does what an API server does with an object, with its code.
type inProcess struct {
	crd        *extv1.CustomResourceDefinition
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

func newInProcess(t *testing.T, crd *extv1.CustomResourceDefinition) *inProcess {
	t.Helper()

	props := &apiextensions.JSONSchemaProps{}
	if err := extv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, props, nil); err != nil {
		t.Fatal(err)
	}

	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		t.Fatalf("NewStructural(...): %v", err)
	}

	v, _, err := validation.NewSchemaValidator(props)
	if err != nil {
		t.Fatalf("NewSchemaValidator(...): %v", err)
	}

	return &inProcess{crd: crd, structural: structural, schema: v, rules: cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

func (s *inProcess) create(t *testing.T, spec map[string]any) (map[string]any, error) {
	t.Helper()

	u := newObject(s.crd, spec)

	defaulting.Default(u.Object, s.structural)
	pruning.Prune(u.Object, s.structural, true)
	defaulting.PruneNonNullableNullsWithoutDefaults(u.Object, s.structural)

	errs := validation.ValidateCustomResource(nil, u.Object, s.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, u.Object)...)

	if s.rules != nil && len(errs) == 0 {
		more, _ := s.rules.Validate(context.Background(), nil, s.structural, u.Object, nil, math.MaxInt64)
		errs = append(errs, more...)
	}

	if err := errs.ToAggregate(); err != nil {
		return nil, err
	}

	got, _ := u.Object["spec"].(map[string]any)

	return withoutOwn(maps.Clone(got)), nil
}
