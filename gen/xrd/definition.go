package xrd

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

// A definition is an XRD or a CRD in a form that compares well.
type definition struct {
	// fields of the definition, except those of its schemas.
	fields schema.Nodes

	// versions in their order, and the schema of each.
	versions []string
	schemas  map[string]schema.Nodes
}

func newDefinition() *definition {
	return &definition{fields: schema.Nodes{}, schemas: map[string]schema.Nodes{}}
}

func (d *definition) addVersion(name string, s *extv1.JSONSchemaProps) error {
	nodes, err := schema.Flatten(s)
	if err != nil {
		return errors.Wrapf(err, "version %q", name)
	}

	d.versions = append(d.versions, name)
	d.schemas[name] = nodes

	return nil
}

// addRest adds what is there beside the schemas.
func (d *definition) addRest(rest any) error {
	j, err := json.Marshal(rest)
	if err != nil {
		return errors.Wrap(err, "cannot marshal definition")
	}

	var obj any
	if err := json.Unmarshal(j, &obj); err != nil {
		return errors.Wrap(err, "cannot unmarshal definition")
	}

	addFields(d.fields, "", obj)

	return nil
}

// addFields names the elements of a list by their name, or the path of a field that they are
// about, where they have one.
func addFields(n schema.Nodes, path string, value any) {
	n[path] = schema.Keywords{}

	switch v := value.(type) {
	case map[string]any:
		for k, sub := range v {
			addFields(n, schema.Join(path, schema.Quote(k)), sub)
		}
	case []any:
		for i, sub := range v {
			name := fmt.Sprint(i)
			if m, ok := sub.(map[string]any); ok {
				name = fmt.Sprint(cmp.Or(m["name"], m["jsonPath"], any(name)))
			}

			addFields(n, schema.Join(path, schema.Quote(name)), sub)
		}
	default:
		n[path][keywordValue] = fmt.Sprintf("%#v", v)
	}
}
