package xrd

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

// mutate changes something of a schema.
func (r random) mutate(s *extv1.JSONSchemaProps) {
	name := ""
	if len(s.Properties) > 0 {
		name = r.name(*s)
	}

	switch deeper := r.once(2); {
	case deeper && name != "":
		p := s.Properties[name]
		r.mutate(&p)
		s.Properties[name] = p
	case deeper && s.AdditionalProperties != nil:
		r.mutate(s.AdditionalProperties.Schema)
	case deeper && s.Items != nil:
		r.mutate(s.Items.Schema)
	case r.once(5):
		*s = r.schema(2)
	case name != "" && r.once(3):
		delete(s.Properties, name)
		s.Required = slices.DeleteFunc(s.Required, func(n string) bool { return n == name })
	case name != "" && r.once(4):
		s.Properties["added"] = extv1.JSONSchemaProps{Type: "string", Enum: []extv1.JSON{raw("a")}}
	default:
		r.loosen(s)
	}
}

// loosen changes a schema to one that takes more.
func (r random) loosen(s *extv1.JSONSchemaProps) {
	s.Required = nil
	s.Pattern, s.Format, s.MultipleOf, s.Not, s.AnyOf = "", "", nil, nil, nil
	s.MinProperties, s.MaxProperties, s.MinItems, s.MinLength = nil, nil, nil, nil

	if s.Maximum != nil {
		s.Maximum, s.ExclusiveMaximum = new(*s.Maximum+1), false
	}

	if s.Minimum != nil {
		s.Minimum, s.ExclusiveMinimum = new(*s.Minimum-1), false
	}

	if s.MaxItems != nil {
		s.MaxItems = new(*s.MaxItems + 1)
	}

	if s.MaxLength != nil {
		s.MaxLength = new(*s.MaxLength + 1)
	}

	if len(s.Enum) > 0 {
		s.Enum = append(s.Enum, raw("abcd"))
	}

	switch {
	case s.Type == "integer" && r.once(2):
		s.Type = "number"
	case s.Type == "string" && len(s.Enum) == 0 && s.Default == nil && s.MaxLength == nil && r.once(3):
		*s = extv1.JSONSchemaProps{XIntOrString: true, Nullable: s.Nullable}
	}
}

// lost reports whether a value has anything that another has not.
func lost(was, is any) bool {
	switch w := was.(type) {
	case map[string]any:
		m, ok := is.(map[string]any)
		if !ok {
			return true
		}

		for k, v := range w {
			if got, ok := m[k]; !ok || lost(v, got) {
				return true
			}
		}

		return false
	case []any:
		l, ok := is.([]any)
		if !ok || len(l) != len(w) {
			return true
		}

		for i := range w {
			if lost(w[i], l[i]) {
				return true
			}
		}

		return false
	}

	return !cmp.Equal(was, is)
}

// Where a schema is said to take all that another takes, it does, and loses nothing.
func TestNarrowMissesNothing(t *testing.T) {
	const (
		schemas = 60
		values  = 30
	)

	s := newSeed(t)
	counts := struct{ Skipped, Wider, Narrower, NoticedRefused, NoticedLost int }{}

	for n := range uint64(schemas) {
		r := newRandom(s, n)

		from, to := source(t).CRD, source(t).CRD
		spec := r.spec()
		from.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"] = spec

		changed := spec.DeepCopy()
		changed.OneOf, changed.XValidations = nil, nil
		r.mutate(changed)
		to.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"] = *changed

		if changed.Type != "object" || !valid(t, from) || !valid(t, to) {
			counts.Skipped++

			continue
		}

		old, err := schema.Flatten(&spec)
		if err != nil {
			t.Fatal(err)
		}

		cur, err := schema.Flatten(changed)
		if err != nil {
			t.Fatal(err)
		}

		narrowings := schema.Narrow(old, cur)
		if len(narrowings) == 0 {
			counts.Wider++
		} else {
			counts.Narrower++
		}

		before, after := newInProcess(t, from), newInProcess(t, to)

		for range values {
			v := r.objectFor(spec)

			was, err := before.create(t, v)
			if err != nil {
				continue
			}

			is, err := after.create(t, v)

			switch {
			case err == nil && !lost(was, is):
			case len(narrowings) == 0:
				t.Fatalf("spec %v\nof schema %s\nwas taken as %v\nand with schema %s\nis %v, %v", v, raw(spec).Raw, was, raw(changed).Raw, is, err)
			case err != nil:
				counts.NoticedRefused++
			default:
				counts.NoticedLost++
			}
		}
	}

	t.Logf("%+v", counts)

	if counts.Wider == 0 || counts.NoticedRefused+counts.NoticedLost == 0 {
		t.Errorf("too little was tested: %+v", counts)
	}
}

// valid reports whether an API server would take a CRD.
func valid(t *testing.T, crd *extv1.CustomResourceDefinition) bool {
	t.Helper()

	problems, err := validate(t.Context(), crd)
	if err != nil {
		t.Fatalf("validate(...): %v", err)
	}

	return len(problems) == 0
}
