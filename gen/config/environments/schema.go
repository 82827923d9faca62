package environments

import (
	_ "embed" // For the descriptions of fields.
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

//go:embed types.go
var source string

const draft = "https://json-schema.org/draft/2020-12/schema"

// Schema returns the JSON schema of File. The comment goes into it.
func Schema(comment string) ([]byte, error) {
	docs, err := fieldDocs()
	if err != nil {
		return nil, err
	}

	s, err := schemaOf(reflect.TypeFor[File](), "", docs)
	if err != nil {
		return nil, err
	}

	s.Schema = draft
	s.Title = "Environments"

	b, err := json.Marshal(s)
	if err != nil {
		return nil, errors.Wrap(err, "cannot marshal schema")
	}

	// The one keyword that Kubernetes' schemas lack.
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, errors.Wrap(err, "cannot unmarshal schema")
	}

	m["$comment"] = comment

	out, err := json.MarshalIndent(m, "", "  ")

	return append(out, '\n'), errors.Wrap(err, "cannot marshal schema")
}

// fieldDocs returns the comments of all fields in types.go, by type and field.
func fieldDocs() (map[string]string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "types.go", source, parser.ParseComments)
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse types")
	}

	docs := map[string]string{}

	ast.Inspect(f, func(n ast.Node) bool {
		t, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}

		if s, ok := t.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				docs[t.Name.Name+"."+field.Names[0].Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
			}
		}

		return false
	})

	return docs, nil
}

// schemaOf returns the schema of a type. The tag is that of the field it is for.
func schemaOf(t reflect.Type, tag reflect.StructTag, docs map[string]string) (*extv1.JSONSchemaProps, error) {
	s := &extv1.JSONSchemaProps{}

	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), tag, docs)
	case reflect.Struct:
		return schemaOfStruct(t, docs)
	case reflect.Slice:
		return schemaOfSlice(t, tag, docs)
	case reflect.Bool:
		s.Type = "boolean"
	case reflect.Int:
		s.Type = "integer"
		s.Minimum = new(float64(1))
	case reflect.String:
		s.Type = "string"
	default:
		return nil, errors.Errorf("type %s has no schema", t)
	}

	return s, decorate(s, tag)
}

func schemaOfStruct(t reflect.Type, docs map[string]string) (*extv1.JSONSchemaProps, error) {
	s := &extv1.JSONSchemaProps{
		Type:                 "object",
		Properties:           map[string]extv1.JSONSchemaProps{},
		AdditionalProperties: &extv1.JSONSchemaPropsOrBool{Allows: false},
	}

	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")

		sub, err := schemaOf(f.Type, f.Tag, docs)
		if err != nil {
			return nil, errors.Wrapf(err, "field %s", f.Name)
		}

		sub.Description = docs[t.Name()+"."+f.Name]
		s.Properties[name] = *sub

		if options != "omitempty" {
			s.Required = append(s.Required, name)
		}
	}

	return s, nil
}

// schemaOfSlice returns the schema of a list. Its tag's pattern is for its elements.
func schemaOfSlice(t reflect.Type, tag reflect.StructTag, docs map[string]string) (*extv1.JSONSchemaProps, error) {
	var elem reflect.StructTag
	if p := tag.Get("pattern"); p != "" {
		elem = reflect.StructTag(`pattern:"` + p + `"`)
	}

	items, err := schemaOf(t.Elem(), elem, docs)
	if err != nil {
		return nil, err
	}

	s := &extv1.JSONSchemaProps{
		Type:        "array",
		Items:       &extv1.JSONSchemaPropsOrArray{Schema: items},
		UniqueItems: true,
	}

	if !strings.Contains(tag.Get("json"), "omitempty") {
		s.MinItems = new(int64(1))
	}

	return s, nil
}

func decorate(s *extv1.JSONSchemaProps, tag reflect.StructTag) error {
	if p := tag.Get("pattern"); p != "" {
		s.Pattern = patterns()[p]
		if s.Pattern == "" {
			return errors.Errorf("there is no pattern %q", p)
		}
	}

	for v := range strings.SplitSeq(tag.Get("enum"), ",") {
		if v != "" {
			s.Enum = append(s.Enum, extv1.JSON{Raw: []byte(`"` + v + `"`)})
		}
	}

	if d := tag.Get("default"); d != "" {
		s.Default = &extv1.JSON{Raw: []byte(`"` + d + `"`)}
	}

	return nil
}

func patterns() map[string]string {
	return map[string]string{
		"name":       patternName,
		"repository": patternRepository,
		"digest":     patternDigest,
		"version":    patternVersion,
		"duration":   patternDuration,
		"path":       patternPath,
		"url":        patternURL,
		"image":      patternImage,
	}
}
