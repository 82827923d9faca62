// Package served checks objects against the schema that an API server serves,
// before the server is asked to take them.
package served

import (
	"maps"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/openapi3"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

const (
	extensionKinds    = "x-kubernetes-group-version-kind"
	extensionPreserve = "x-kubernetes-preserve-unknown-fields"
	extensionEmbedded = "x-kubernetes-embedded-resource"
)

// ErrNotServed is returned for a kind that an API server has no schema of.
var ErrNotServed = errors.New("not served")

// A Schema is that of one kind.
type Schema struct {
	root *spec.Schema
}

// Fetch reads the schema of a kind. Whoever may log in may read it, unlike the CRD.
func Fetch(c openapi.Client, kind schema.GroupVersionKind) (*Schema, error) {
	doc, err := openapi3.NewRoot(c).GVSpec(kind.GroupVersion())

	notFound := &openapi3.GroupVersionNotFoundError{}
	if errors.As(err, &notFound) {
		return nil, errors.Wrap(ErrNotServed, kind.GroupVersion().String())
	}

	if err != nil {
		return nil, errors.Wrap(err, "cannot read the schemas that the API server serves")
	}

	if doc.Components != nil {
		for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
			if s := doc.Components.Schemas[name]; isOf(s, kind) {
				return New(s), nil
			}
		}
	}

	return nil, errors.Wrap(ErrNotServed, kind.String())
}

// New returns the schema of objects that have no other fields than an OpenAPI schema
// has, as an API server that validates strictly would.
func New(s *spec.Schema) *Schema {
	root := *s
	root.Properties = maps.Clone(s.Properties)
	// The server itself knows what metadata may be, and the schema only refers to it.
	root.Properties["metadata"] = *spec.MapProperty(nil)

	return &Schema{root: closed(&root)}
}

func isOf(s *spec.Schema, kind schema.GroupVersionKind) bool {
	var kinds []schema.GroupVersionKind

	if err := s.Extensions.GetObject(extensionKinds, &kinds); err != nil {
		return false
	}

	// A list of them has a schema of its own, under its own kind.
	return slices.Contains(kinds, kind)
}

// closed returns a schema that allows no fields but its own, at any depth.
func closed(s *spec.Schema) *spec.Schema {
	out := *s

	if s.Items != nil && s.Items.Schema != nil {
		out.Items = &spec.SchemaOrArray{Schema: closed(s.Items.Schema)}
	}

	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		out.AdditionalProperties = &spec.SchemaOrBool{Allows: true, Schema: closed(s.AdditionalProperties.Schema)}
	}

	if len(s.Properties) == 0 {
		return &out
	}

	out.Properties = make(map[string]spec.Schema, len(s.Properties))
	for name, property := range s.Properties {
		out.Properties[name] = *closed(&property)
	}

	if s.AdditionalProperties == nil && !has(s, extensionPreserve) && !has(s, extensionEmbedded) {
		out.AdditionalProperties = &spec.SchemaOrBool{Allows: false}
	}

	return &out
}

func has(s *spec.Schema, extension string) bool {
	on, ok := s.Extensions.GetBool(extension)

	return ok && on
}
