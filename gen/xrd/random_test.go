package xrd

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// depth that random schemas are nested to.
const depth = 4

// A random makes schemas, and values for them, that are the same for the same seed.
type random struct{ *rand.Rand }

func newRandom(seed, stream uint64) random { return random{rand.New(rand.NewPCG(seed, stream))} }

// once in n times.
func (r random) once(n int) bool { return r.IntN(n) == 0 }

func pick[T any](r random, from ...T) T { return from[r.IntN(len(from))] }

func (r random) names() []string {
	all := []string{"a", "b", "properties", "items", "x-y", "a.b", "*", "c_d", "type"}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	return all[:1+r.IntN(4)]
}

func raw(v any) extv1.JSON {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}

	return extv1.JSON{Raw: b}
}

// spec is a schema with what Crossplane takes over from that of a spec.
func (r random) spec() extv1.JSONSchemaProps {
	s := r.object(depth)
	s.MaxProperties, s.XPreserveUnknownFields, s.AnyOf, s.XMapType, s.Default = nil, nil, nil, nil, nil
	s.Properties["tag"] = extv1.JSONSchemaProps{Type: "string", MaxLength: new(int64(8))}
	s.Description = "Random."

	if r.once(2) {
		s.XValidations = extv1.ValidationRules{{Rule: "!has(self.tag) || self.tag != 'b'", Message: "not b"}}
	}

	if r.once(4) {
		s.OneOf = []extv1.JSONSchemaProps{{Required: []string{"tag"}}, {Required: []string{r.name(s)}}}
	}

	return s
}

// name of a property of a schema.
func (r random) name(s extv1.JSONSchemaProps) string {
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}

	slices.Sort(names)

	return pick(r, names...)
}

func (r random) schema(depth int) extv1.JSONSchemaProps {
	kinds := []func(int) extv1.JSONSchemaProps{r.text, r.number, r.boolean, r.intOrString}
	if depth > 0 {
		kinds = append(kinds, r.object, r.dict, r.list)
	}

	s := pick(r, kinds...)(depth)
	s.Nullable = r.once(6)

	if r.once(3) {
		s.Description = "Random."
	}

	return s
}

func (r random) text(int) extv1.JSONSchemaProps {
	s := extv1.JSONSchemaProps{Type: "string"}

	switch r.IntN(7) {
	case 0:
		s.Enum = []extv1.JSON{raw("a"), raw("b")}
	case 1:
		s.Pattern = "^a"
	case 2:
		s.MinLength, s.MaxLength = new(int64(1)), new(int64(1+r.IntN(3)))
	case 3:
		s.Format = pick(r, "date-time", "ipv4", "byte")
	case 4:
		s.Default = new(raw("default"))
	case 5:
		s.AnyOf = []extv1.JSONSchemaProps{{Pattern: "^b"}, {MaxLength: new(int64(1))}}
	}

	return s
}

func (r random) number(int) extv1.JSONSchemaProps {
	s := extv1.JSONSchemaProps{Type: pick(r, "integer", "number")}

	switch r.IntN(6) {
	case 0:
		s.Minimum, s.ExclusiveMinimum = new(float64(0)), r.once(2)
	case 1:
		s.Maximum, s.ExclusiveMaximum = new(float64(2)), r.once(2)
	case 2:
		s.MultipleOf = new(float64(2))
	case 3:
		s.Default = new(raw(1))
	case 4:
		s.Not = &extv1.JSONSchemaProps{Enum: []extv1.JSON{raw(1)}}
	}

	return s
}

func (r random) boolean(int) extv1.JSONSchemaProps {
	s := extv1.JSONSchemaProps{Type: "boolean"}
	if r.once(3) {
		s.Default = new(raw(true))
	}

	return s
}

func (r random) intOrString(int) extv1.JSONSchemaProps {
	return extv1.JSONSchemaProps{XIntOrString: true}
}

func (r random) object(depth int) extv1.JSONSchemaProps {
	s := extv1.JSONSchemaProps{Type: "object", Properties: map[string]extv1.JSONSchemaProps{}}

	for _, n := range r.names() {
		s.Properties[n] = r.schema(depth - 1)

		if r.once(4) {
			s.Required = append(s.Required, n)
		}
	}

	switch r.IntN(6) {
	case 0:
		s.MaxProperties = new(int64(2))
	case 1:
		s.XPreserveUnknownFields = new(true)
	case 2:
		s.AnyOf = []extv1.JSONSchemaProps{{Required: []string{r.name(s)}}, {MaxProperties: new(int64(1))}}
	case 3:
		s.Default = new(raw(map[string]any{}))
	case 4:
		s.XMapType = new(pick(r, "atomic", "granular"))
	}

	return s
}

func (r random) dict(depth int) extv1.JSONSchemaProps {
	values := r.schema(depth - 1)

	s := extv1.JSONSchemaProps{Type: "object", AdditionalProperties: &extv1.JSONSchemaPropsOrBool{Allows: true, Schema: &values}}
	if r.once(3) {
		s.MinProperties = new(int64(1))
	}

	return s
}

func (r random) list(depth int) extv1.JSONSchemaProps {
	items := r.schema(depth - 1)
	s := extv1.JSONSchemaProps{Type: "array"}

	switch r.IntN(4) {
	case 0:
		items = extv1.JSONSchemaProps{Type: "string"}
		s.XListType = new("set")
	case 1:
		items = r.object(depth - 1)
		items.Properties["key"] = extv1.JSONSchemaProps{Type: "string"}
		items.Required = append(items.Required, "key")
		s.XListType, s.XListMapKeys = new("map"), []string{"key"}
	case 2:
		s.MinItems, s.MaxItems = new(int64(1)), new(int64(2))
	}

	// Defaults of items are of no use, and not allowed where they are keys.
	items.Nullable = false
	s.Items = &extv1.JSONSchemaPropsOrArray{Schema: &items}

	return s
}

// value is often valid, but not always: things are missing, superfluous, of another
// type, null or beyond a limit. (A string with a format is not of another type: an API
// server takes a list for it, and only then.)
func (r random) value(s extv1.JSONSchemaProps) any {
	if s.Format == "" && r.once(25) {
		return pick[any](r, nil, "junk", int64(7), 1.5, true, map[string]any{"junk": "x"}, []any{"junk"})
	}

	switch {
	case s.XIntOrString:
		return pick[any](r, "a", int64(1))
	case s.Type == "string":
		return r.textFor(s)
	case s.Type == "integer":
		return int64(r.IntN(4))
	case s.Type == "number":
		return pick[any](r, 0.5, int64(2))
	case s.Type == "boolean":
		return r.once(2)
	case s.Type == "array":
		out := []any{}
		for range r.IntN(3) {
			out = append(out, r.value(*s.Items.Schema))
		}

		return out
	}

	return r.objectFor(s)
}

func (r random) textFor(s extv1.JSONSchemaProps) string {
	switch s.Format {
	case "date-time":
		return "2026-11-24T00:00:00Z"
	case "ipv4":
		return "127.0.0.1"
	}

	return pick(r, "a", "b", "ab", "abcd")
}

func (r random) objectFor(s extv1.JSONSchemaProps) map[string]any {
	out := map[string]any{}

	if s.AdditionalProperties != nil {
		for range r.IntN(3) {
			out[fmt.Sprint("key", r.IntN(9))] = r.value(*s.AdditionalProperties.Schema)
		}

		return out
	}

	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}

	slices.Sort(names)

	for _, n := range names {
		if required := slices.Contains(s.Required, n); r.once(2) || required && !r.once(15) {
			out[n] = r.value(s.Properties[n])
		}
	}

	if r.once(5) {
		out["unknown"] = map[string]any{"deep": "x"}
	}

	return out
}
