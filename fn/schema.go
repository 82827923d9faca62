package main

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/crossplane/function-sdk-go/errors"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/crd"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// A schema is what app.ci holds an EphemeralCluster against. It finds what app.ci would
// refuse, in the same words, before anything is asked of it. Fields that it does not know
// pass: app.ci may be newer.
type schema struct {
	structural *structuralschema.Structural
	values     validation.SchemaValidator

	// rules is nil for a schema without any.
	rules *cel.Validator
}

// newSchema returns that of the CRD that this program was built with.
func newSchema() (*schema, error) {
	return schemaOf(crd.EphemeralCluster)
}

func schemaOf(definition []byte) (*schema, error) {
	c := &extv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(definition, c); err != nil {
		return nil, errors.Wrap(err, "cannot read the CRD")
	}

	i := slices.IndexFunc(c.Spec.Versions, func(v extv1.CustomResourceDefinitionVersion) bool { return v.Name == v1.Version })
	if i < 0 || c.Spec.Versions[i].Schema == nil {
		return nil, errors.Errorf("the CRD has no schema of version %q", v1.Version)
	}

	props := &apiextensions.JSONSchemaProps{}
	if err := extv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(c.Spec.Versions[i].Schema.OpenAPIV3Schema, props, nil); err != nil {
		return nil, errors.Wrap(err, "cannot convert the CRD's schema")
	}

	s := &schema{}

	var err error
	if s.structural, err = structuralschema.NewStructural(props); err != nil {
		return nil, errors.Wrap(err, "cannot make a structural schema of the CRD")
	}

	if s.values, _, err = validation.NewSchemaValidator(props); err != nil {
		return nil, errors.Wrap(err, "cannot make a validator of the CRD's schema")
	}

	s.rules = cel.NewValidator(s.structural, true, celconfig.PerCallLimit)

	return s, nil
}

// validate returns why app.ci would refuse an EphemeralCluster with this ciOperator, or
// nil. The first argument is what the tenant wrote, the second what is asked for.
func (s *schema) validate(written, wanted *structpb.Value) error {
	spec := s.structural.Properties["spec"]
	ciOperator := spec.Properties["ciOperator"]

	if errs := emptied(field.NewPath("spec", "ciOperator"), &ciOperator, written); len(errs) > 0 {
		return errs.ToAggregate()
	}

	o, err := objectWith(wanted)
	if err != nil {
		return err
	}

	errs := validation.ValidateCustomResource(nil, o, s.values)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, o)...)

	// As the API server does: rules are about values of the right types.
	if len(errs) == 0 && s.rules != nil {
		errs, _ = s.rules.Validate(context.Background(), nil, s.structural, o, nil, celconfig.RuntimeCELCostBudget)
	}

	// They come in the order of a map.
	slices.SortFunc(errs, func(a, b *field.Error) int { return cmp.Compare(a.Error(), b.Error()) })

	return errs.ToAggregate()
}

// objectWith returns an EphemeralCluster as JSON is decoded for the API server's
// validation, which tells integers from other numbers.
func objectWith(ciOperator *structpb.Value) (map[string]any, error) {
	spec := map[string]any{}

	if ciOperator != nil {
		b, err := ciOperator.MarshalJSON()
		if err != nil {
			return nil, errors.Wrap(err, "cannot read spec.ciOperator")
		}

		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			return nil, errors.Wrap(err, "cannot read spec.ciOperator")
		}

		spec["ciOperator"] = v
	}

	return map[string]any{"apiVersion": v1.Group + "/" + v1.Version, "kind": v1.Kind, "metadata": map[string]any{}, "spec": spec}, nil
}

// emptied returns the required fields that are there, and empty strings: to be left out
// as all empty strings are, which app.ci refuses, or with the whole object around them,
// which it would not notice.
func emptied(at *field.Path, s *structuralschema.Structural, v *structpb.Value) field.ErrorList {
	errs := field.ErrorList{}

	switch k := v.GetKind().(type) {
	case *structpb.Value_ListValue:
		for i, element := range k.ListValue.GetValues() {
			if s.Items != nil {
				errs = append(errs, emptied(at.Index(i), s.Items, element)...)
			}
		}
	case *structpb.Value_StructValue:
		for _, name := range slices.Sorted(maps.Keys(k.StructValue.GetFields())) {
			value := k.StructValue.GetFields()[name]

			if p, ok := s.Properties[name]; ok {
				if empty, ok := value.GetKind().(*structpb.Value_StringValue); ok && empty.StringValue == "" && s.ValueValidation != nil && slices.Contains(s.ValueValidation.Required, name) {
					errs = append(errs, field.Required(at.Child(name), ""))
				}

				errs = append(errs, emptied(at.Child(name), &p, value)...)
			} else if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
				errs = append(errs, emptied(at.Child(name), s.AdditionalProperties.Structural, value)...)
			}
		}
	}

	return errs
}
