package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNarrow(t *testing.T) {
	type args struct {
		from, to string
	}

	cases := map[string]struct {
		reason string
		args   args
		want   []Narrowing
	}{
		"Same": {
			reason: "A schema takes what it takes.",
			args: args{
				from: `{type: object, required: [a], properties: {a: {type: string, pattern: x}}}`,
				to:   `{type: object, required: [a], properties: {a: {type: string, pattern: x}}}`,
			},
		},
		"Wider": {
			reason: "A new field, an optional one and every looser limit take all that was taken before.",
			args: args{
				from: `
type: object
required: [a]
properties:
  a: {type: integer, enum: [1], maximum: 1, minimum: 1, exclusiveMinimum: true}
  s: {type: string, maxLength: 1, minLength: 1, pattern: x, format: date}
  l: {type: array, maxItems: 1, minItems: 1, x-kubernetes-list-type: set, items: {type: string}}
  m: {type: object, maxProperties: 1, minProperties: 1, properties: {x: {type: integer}}}
  e: {type: string, enum: [b]}
  r: {type: object, x-kubernetes-validations: [{rule: a}, {rule: b}], anyOf: [{required: [x]}], allOf: [{required: [w]}]}`,
				to: `
type: object
properties:
  a: {type: number, maximum: 2, minimum: 0}
  s: {type: string, maxLength: 2, minLength: 0}
  l: {type: array, maxItems: 2, minItems: 0, items: {type: string, nullable: true}}
  m: {type: object, maxProperties: 2, minProperties: 0, properties: {x: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}}}
  e: {type: string, enum: [a, b]}
  r: {type: object, x-kubernetes-validations: [{rule: b, message: m}], anyOf: [{required: [z]}, {required: [x]}]}
  new: {type: string, enum: [a]}`,
			},
		},
		"Removed": {
			reason: "A field that is not there is dropped, named once at its top, also below maps and lists.",
			args: args{
				from: `
type: object
properties:
  gone: {type: object, properties: {deep: {type: string}}}
  releases:
    type: object
    additionalProperties:
      type: object
      properties: {release: {type: object, properties: {relative: {type: integer}, version: {type: string}}}}
  list: {type: array, items: {type: object, properties: {a: {type: string}, b: {type: string}}}}`,
				to: `
type: object
properties:
  releases:
    type: object
    additionalProperties:
      type: object
      properties: {release: {type: object, properties: {version: {type: string}}}}
  list: {type: array, items: {type: object, properties: {a: {type: string}}}}`,
			},
			want: []Narrowing{
				{Path: "gone", Kind: Pruned, Old: `"object"`},
				{Path: "list[].b", Kind: Pruned, Old: `"string"`},
				{Path: "releases.*.release.relative", Kind: Pruned, Old: `"integer"`},
			},
		},
		"Retyped": {
			reason: "A field of another type is refused, and what was below it is no news.",
			args: args{
				from: `{type: object, properties: {a: {type: object, properties: {b: {type: string}}}, num: {type: number}, i: {x-kubernetes-int-or-string: true}, o: {type: object}, s: {type: string}}}`,
				to:   `{type: object, properties: {a: {type: string, maxLength: 1}, num: {type: integer}, i: {type: string}, o: {x-kubernetes-int-or-string: true}, s: {type: number}}}`,
			},
			want: []Narrowing{
				{Path: "a", Kind: Refused, Keyword: "type", Old: `"object"`, New: `"string"`},
				{Path: "i", Kind: Refused, Keyword: "type", Old: `"int-or-string"`, New: `"string"`},
				{Path: "num", Kind: Refused, Keyword: "type", Old: `"number"`, New: `"integer"`},
				{Path: "o", Kind: Refused, Keyword: "type", Old: `"object"`, New: `"int-or-string"`},
				{Path: "s", Kind: Refused, Keyword: "type", Old: `"string"`, New: `"number"`},
			},
		},
		"Required": {
			reason: "Every newly required field is named, but for one with a default.",
			args: args{
				from: `{type: object, required: [a], properties: {a: {type: string}, b.c: {type: string}, d: {type: string, default: x}, e: {type: string}}}`,
				to:   `{type: object, required: [a, b.c, d, e], properties: {a: {type: string}, b.c: {type: string}, d: {type: string, default: x}, e: {type: string}}}`,
			},
			want: []Narrowing{
				{Path: `"b.c"`, Kind: Required, Keyword: "required"},
				{Path: "e", Kind: Required, Keyword: "required"},
			},
		},
		"Tightened": {
			reason: "Every limit that is new or closer refuses something.",
			args: args{
				from: `
type: object
properties:
  a: {type: string, enum: [a, b], maxLength: 2, minLength: 1, pattern: x}
  i: {type: integer, maximum: 2, minimum: 1}
  l: {type: array, maxItems: 2, items: {type: string}}
  m: {type: object, maxProperties: 2, additionalProperties: {type: string}}
  r: {type: object, x-kubernetes-validations: [{rule: a}], anyOf: [{required: [x]}, {required: [w]}]}
  e: {type: string}`,
				to: `
type: object
properties:
  a: {type: string, enum: [b, c], maxLength: 1, minLength: 2, pattern: w}
  i: {type: integer, maximum: 1, minimum: 2, exclusiveMaximum: true, format: int32}
  l: {type: array, maxItems: 1, minItems: 1, x-kubernetes-list-type: set, items: {type: string}}
  m: {type: object, maxProperties: 1, minProperties: 1, additionalProperties: {type: string, not: {enum: [x]}}}
  r: {type: object, x-kubernetes-validations: [{rule: a}, {rule: b}], anyOf: [{required: [x]}], allOf: [{required: [z]}]}
  e: {type: string, enum: [a], anyOf: [{pattern: x}]}`,
			},
			want: []Narrowing{
				{Path: "a", Kind: Refused, Keyword: "enum", Old: `["a","b"]`, New: `["b","c"]`},
				{Path: "a", Kind: Refused, Keyword: "maxLength", Old: "2", New: "1"},
				{Path: "a", Kind: Refused, Keyword: "minLength", Old: "1", New: "2"},
				{Path: "a", Kind: Refused, Keyword: "pattern", Old: `"x"`, New: `"w"`},
				{Path: "e", Kind: Refused, Keyword: "anyOf", New: `[{"pattern":"x"}]`},
				{Path: "e", Kind: Refused, Keyword: "enum", New: `["a"]`},
				{Path: "i", Kind: Refused, Keyword: "exclusiveMaximum", New: "true"},
				{Path: "i", Kind: Refused, Keyword: "format", New: `"int32"`},
				{Path: "i", Kind: Refused, Keyword: "maximum", Old: "2", New: "1"},
				{Path: "i", Kind: Refused, Keyword: "minimum", Old: "1", New: "2"},
				{Path: "l", Kind: Refused, Keyword: "maxItems", Old: "2", New: "1"},
				{Path: "l", Kind: Refused, Keyword: "minItems", New: "1"},
				{Path: "l", Kind: Refused, Keyword: "x-kubernetes-list-type", New: `"set"`},
				{Path: "m", Kind: Refused, Keyword: "maxProperties", Old: "2", New: "1"},
				{Path: "m", Kind: Refused, Keyword: "minProperties", New: "1"},
				{Path: "m.*", Kind: Refused, Keyword: "not", New: `{"enum":["x"]}`},
				{Path: "r", Kind: Refused, Keyword: "allOf", New: `[{"required":["z"]}]`},
				{Path: "r", Kind: Refused, Keyword: "anyOf", Old: `[{"required":["x"]},{"required":["w"]}]`, New: `[{"required":["x"]}]`},
				{Path: "r", Kind: Refused, Keyword: "x-kubernetes-validations", Old: `[{"rule":"a"}]`, New: `[{"rule":"a"},{"rule":"b"}]`},
			},
		},
		"UnknownFields": {
			reason: "Where unknown fields were kept, they are dropped or, once known, may not be of any type.",
			args: args{
				from: `{type: object, properties: {a: {type: object, x-kubernetes-preserve-unknown-fields: true}, b: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`,
				to: `
type: object
properties:
  a: {type: object}
  b: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {c: {type: object, properties: {d: {type: string}}}}}`,
			},
			want: []Narrowing{
				{Path: "a", Kind: Pruned, Keyword: "x-kubernetes-preserve-unknown-fields", Old: "true"},
				{Path: "b.c", Kind: Refused, New: `"object"`},
			},
		},
		"KeptUnknown": {
			reason: "A field is not lost where unknown ones are kept, at any depth, and nothing checks it there; but its default is.",
			args: args{
				from: `{type: object, properties: {a: {type: object, properties: {b: {type: object, properties: {c: {type: string}, d: {type: string, default: x}}}}}}}`,
				to:   `{type: object, properties: {a: {type: object, x-kubernetes-preserve-unknown-fields: true}}}`,
			},
			want: []Narrowing{{Path: "a.b.d", Kind: Defaulted, Keyword: "default", Old: `"x"`}},
		},
		"MapToFields": {
			reason: "A map that becomes an object loses all keys but the object's fields, which may be of another kind.",
			args: args{
				from: `{type: object, properties: {m: {type: object, additionalProperties: {type: object, properties: {x: {type: string}}}}}}`,
				to:   `{type: object, properties: {m: {type: object, properties: {a: {type: object, properties: {x: {type: string, maxLength: 1}}}, b: {type: string}}}}}`,
			},
			want: []Narrowing{
				{Path: "m.*", Kind: Pruned, Old: `"object"`},
				{Path: "m.a.x", Kind: Refused, Keyword: "maxLength", New: "1"},
				{Path: "m.b", Kind: Refused, Keyword: "type", Old: `"object"`, New: `"string"`},
			},
		},
		"FieldsToMap": {
			reason: "Fields that become keys of a map are kept if they are what its values are.",
			args: args{
				from: `{type: object, properties: {m: {type: object, properties: {a: {type: string}, b: {type: integer}}}}}`,
				to:   `{type: object, properties: {m: {type: object, additionalProperties: {type: string}}}}`,
			},
			want: []Narrowing{{Path: "m.b", Kind: Refused, Keyword: "type", Old: `"integer"`, New: `"string"`}},
		},
		"Defaults": {
			reason: "A default that is new, another or gone changes what a missing field means.",
			args: args{
				from: `{type: object, properties: {a: {type: string, default: x}, b: {type: string, default: x}, c: {type: string}}}`,
				to:   `{type: object, properties: {a: {type: string, default: w}, b: {type: string}, c: {type: string, default: z}}}`,
			},
			want: []Narrowing{
				{Path: "a", Kind: Defaulted, Keyword: "default", Old: `"x"`, New: `"w"`},
				{Path: "b", Kind: Defaulted, Keyword: "default", Old: `"x"`},
				{Path: "c", Kind: Defaulted, Keyword: "default", New: `"z"`},
			},
		},
		"Extensions": {
			reason: "Null and the metadata of an embedded object are dropped; what becomes one has to be one.",
			args: args{
				from: `{type: object, properties: {a: {type: string, nullable: true}, b: {type: object, x-kubernetes-embedded-resource: true}, c: {type: object}}}`,
				to:   `{type: object, properties: {a: {type: string}, b: {type: object}, c: {type: object, x-kubernetes-embedded-resource: true}}}`,
			},
			want: []Narrowing{
				{Path: "a", Kind: Pruned, Keyword: "nullable", Old: "true"},
				{Path: "b", Kind: Pruned, Keyword: "x-kubernetes-embedded-resource", Old: "true"},
				{Path: "c", Kind: Refused, Keyword: "x-kubernetes-embedded-resource", New: "true"},
			},
		},
		"ForPeople": {
			reason: "What a schema says to people refuses nothing.",
			args: args{
				from: `{type: object, properties: {a: {type: string, description: x}}}`,
				to:   `{type: object, properties: {a: {type: string, description: w, title: z, example: e}}}`,
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Narrow(parse(t, tc.args.from), parse(t, tc.args.to))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nNarrow(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNarrowingString(t *testing.T) {
	cases := map[string]struct {
		reason    string
		narrowing Narrowing
		want      string
	}{
		"Removed":   {reason: "A field that is gone was removed.", narrowing: Narrowing{Path: "a", Kind: Pruned, Old: `"string"`}, want: "a: removed"},
		"Known":     {reason: "A field that was any has a type.", narrowing: Narrowing{Path: "a", Kind: Refused, New: `"string"`}, want: `a: took any value, is "string" now`},
		"Required":  {reason: "A field that must be set.", narrowing: Narrowing{Path: "a", Kind: Required, Keyword: "required"}, want: "a: newly required"},
		"Retyped":   {reason: "A field with another type.", narrowing: Narrowing{Path: "a", Kind: Refused, Keyword: "type", Old: "1", New: "2"}, want: "a: retyped from 1 to 2"},
		"New":       {reason: "A limit that is new.", narrowing: Narrowing{Kind: Refused, Keyword: "enum", New: "[1]"}, want: "(root): enum [1] added"},
		"Gone":      {reason: "A keyword that let more in.", narrowing: Narrowing{Path: "a", Kind: Pruned, Keyword: "nullable", Old: "true"}, want: "a: nullable true removed"},
		"Tightened": {reason: "A limit that changed.", narrowing: Narrowing{Path: "a", Kind: Refused, Keyword: "maximum", Old: "2", New: "1"}, want: "a: maximum changed from 2 to 1"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.narrowing.String()); diff != "" {
				t.Errorf("%s\nString(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	from := parse(t, `{type: object, required: [a], properties: {a: {type: string}, b: {type: string, maxLength: 2}, c: {type: object, properties: {d: {type: string}}}}}`)
	to := parse(t, `{type: object, required: [a, b], properties: {a: {type: string, description: x}, b: {type: string, maxLength: 1}, c: {type: object}, e: {type: string}}}`)

	want := []Change{
		{Path: "", Keyword: "required", Old: `["a"]`, New: `["a","b"]`, Breaking: true},
		{Path: "a", Keyword: "description", New: `"x"`},
		{Path: "b", Keyword: "maxLength", Old: "2", New: "1", Breaking: true},
		{Path: "c.d", Old: `"string"`, Breaking: true},
		{Path: "e", New: `"string"`},
	}

	if diff := cmp.Diff(want, Compare(from, to)); diff != "" {
		t.Errorf("Compare(...): -want, +got:\n%s", diff)
	}
}
