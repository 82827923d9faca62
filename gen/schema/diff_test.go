package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, s string) Nodes {
	t.Helper()

	props := &extv1.JSONSchemaProps{}
	if err := yaml.UnmarshalStrict([]byte(s), props); err != nil {
		t.Fatalf("cannot parse schema: %v", err)
	}

	n, err := Flatten(props)
	if err != nil {
		t.Fatalf("Flatten(...): %v", err)
	}

	return n
}

func TestFlatten(t *testing.T) {
	cases := map[string]struct {
		reason string
		schema string
		want   Nodes
	}{
		"Paths": {
			reason: "Values of maps, items of lists and awkward names have paths of their own.",
			schema: `
type: object
properties:
  map:
    type: object
    additionalProperties:
      type: array
      items: {type: string}
  a.b: {type: integer}`,
			want: Nodes{
				"":        {"type": `"object"`},
				"map":     {"type": `"object"`},
				"map.*":   {"type": `"array"`},
				"map.*[]": {"type": `"string"`},
				`"a.b"`:   {"type": `"integer"`},
			},
		},
		"OrderWithoutMeaning": {
			reason: "Required fields and enum values are in one order, whatever order they were written in.",
			schema: `{type: object, required: [b, a], enum: [r, q]}`,
			want:   Nodes{"": {"type": `"object"`, "required": `["a","b"]`, "enum": `["q","r"]`}},
		},
		"BooleanAdditionalProperties": {
			reason: "Additional properties without a schema are a keyword, not a node.",
			schema: `{type: object, additionalProperties: true}`,
			want:   Nodes{"": {"type": `"object"`, "additionalProperties": "true"}},
		},
		"PropertyNamedLikeAKeyword": {
			reason: "A field may be called what a keyword is.",
			schema: `{type: object, properties: {properties: {type: object, properties: {items: {type: string}}}}}`,
			want: Nodes{
				"":                 {"type": `"object"`},
				"properties":       {"type": `"object"`},
				"properties.items": {"type": `"string"`},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, parse(t, tc.schema)); diff != "" {
				t.Errorf("%s\nFlatten(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	type args struct {
		from, to string
	}

	cases := map[string]struct {
		reason string
		args   args
		want   []Change
	}{
		"Same": {
			reason: "Equal schemas do not differ, in whichever order they are written.",
			args: args{
				from: `{type: object, required: [a, b], properties: {a: {type: string}, b: {type: string}}}`,
				to:   `{properties: {b: {type: string}, a: {type: string}}, required: [b, a], type: object}`,
			},
			want: []Change{},
		},
		"TopmostNode": {
			reason: "Of a subtree that only one schema has, only the topmost node is a difference.",
			args: args{
				from: `{type: object, properties: {gone: {type: object, properties: {deep: {type: string}}}}}`,
				to:   `{type: object, properties: {new: {properties: {deep: {type: string}}}}}`,
			},
			want: []Change{
				{Path: "gone", Old: `"object"`},
				{Path: "new", New: `"any"`},
			},
		},
		"Keywords": {
			reason: "Keywords that are set, unset or changed are differences of their node, in order.",
			args: args{
				from: `{type: object, properties: {a: {type: string, maxLength: 1}, b: {type: string}}}`,
				to:   `{type: object, required: [a], properties: {a: {type: string}, b: {type: integer}}}`,
			},
			want: []Change{
				{Path: "", Keyword: "required", New: `["a"]`},
				{Path: "a", Keyword: "maxLength", Old: "1"},
				{Path: "b", Keyword: "type", Old: `"string"`, New: `"integer"`},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Diff(parse(t, tc.args.from), parse(t, tc.args.to))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nDiff(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestChangeString(t *testing.T) {
	cases := map[string]struct {
		reason string
		change Change
		want   string
	}{
		"Missing":     {reason: "A node only in the new schema is missing.", change: Change{Path: "a", New: `"string"`}, want: "a: is missing"},
		"Superfluous": {reason: "A node only in the old schema is superfluous.", change: Change{Path: "a", Old: `"string"`}, want: "a: should not be there"},
		"Set":         {reason: "A keyword only in the new schema should be set.", change: Change{Keyword: "type", New: `"object"`}, want: `(root): type is not set, should be "object"`},
		"Unset":       {reason: "A keyword only in the old schema should not be set.", change: Change{Path: "a", Keyword: "enum", Old: "[1]"}, want: "a: enum is [1], should not be set"},
		"Changed":     {reason: "A keyword of both has two values.", change: Change{Path: "a", Keyword: "enum", Old: "[1]", New: "[2]"}, want: "a: enum is [1], should be [2]"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.change.String()); diff != "" {
				t.Errorf("%s\nString(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestParent(t *testing.T) {
	cases := map[string]struct {
		reason string
		path   string
		want   string
	}{
		"Field":      {reason: "The parent of a field is what holds it.", path: "a.b.c", want: "a.b"},
		"Top":        {reason: "The parent of a top-level field is the root.", path: "a", want: ""},
		"Map":        {reason: "The parent of a map's value is the map.", path: "a.*", want: "a"},
		"Item":       {reason: "The parent of an item is the list.", path: "a[][]", want: "a[]"},
		"ItemField":  {reason: "The parent of an item's field is the item.", path: "a[].b", want: "a[]"},
		"QuotedName": {reason: "A dot in a quoted name separates nothing.", path: `a."b.c"`, want: "a"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Parent(tc.path)); diff != "" {
				t.Errorf("%s\nParent(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWithin(t *testing.T) {
	type args struct {
		path, node string
	}

	cases := map[string]struct {
		reason string
		args   args
		want   bool
	}{
		"Itself":     {reason: "A node is within itself.", args: args{path: "a.b", node: "a.b"}, want: true},
		"Field":      {reason: "A field is within its node.", args: args{path: "a.b.c", node: "a.b"}, want: true},
		"Item":       {reason: "An item is within its list.", args: args{path: "a.b[]", node: "a.b"}, want: true},
		"NamePrefix": {reason: "A longer name is not within a shorter one.", args: args{path: "a.bc", node: "a.b"}, want: false},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Within(tc.args.path, tc.args.node); got != tc.want {
				t.Errorf("%s\nWithin(...): want %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}
