// Package schema compares OpenAPI schemas of Kubernetes resources field by field.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Keywords of a node, such as type and required, with their values as JSON.
type Keywords map[string]string

// Nodes of a schema by path, such as spec.releases.*.name: the values of a map are
// below *, and the items of a list below [].
type Nodes map[string]Keywords

// Flatten returns the nodes of a schema. It works on the schema's JSON, so that no
// keyword is left out, whichever there are.
func Flatten(s *extv1.JSONSchemaProps) (Nodes, error) {
	nodes := Nodes{}
	if s == nil {
		return nodes, nil
	}

	b, err := json.Marshal(s)
	if err != nil {
		return nil, errors.Wrap(err, "cannot marshal schema")
	}

	var root map[string]any
	if err := json.Unmarshal(b, &root); err != nil {
		return nil, errors.Wrap(err, "cannot unmarshal schema")
	}

	return nodes, errors.Wrap(nodes.add("", root), "cannot marshal keyword")
}

func (n Nodes) add(path string, node map[string]any) error {
	kws := Keywords{}
	n[path] = kws

	for k, v := range node {
		var err error

		sub, isSchema := v.(map[string]any)

		switch {
		case k == "properties" && isSchema:
			err = n.addProperties(path, sub)
		case k == "items" && isSchema:
			err = n.add(path+"[]", sub)
		case k == "additionalProperties" && isSchema:
			err = n.add(Join(path, "*"), sub)
		default:
			kws[k], err = keyword(k, v)
		}

		if err != nil {
			return err
		}
	}

	return nil
}

// keyword returns a keyword's value as JSON, in one order where order means nothing.
func keyword(name string, value any) (string, error) {
	if l, ok := value.([]any); ok && (name == "required" || name == "enum") {
		value = slices.SortedFunc(slices.Values(l), func(a, b any) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
	}

	b := &bytes.Buffer{}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)

	err := enc.Encode(value)

	return strings.TrimSpace(b.String()), err
}

func (n Nodes) addProperties(path string, props map[string]any) error {
	for name, p := range props {
		sub, ok := p.(map[string]any)
		if !ok {
			return errors.Errorf("property %q of %q is not a schema", name, path)
		}

		if err := n.add(Join(path, Quote(name)), sub); err != nil {
			return err
		}
	}

	return nil
}

// Quote returns a field's name as it is written in a path.
func Quote(name string) string {
	if strings.ContainsAny(name, `.*[]"`) {
		return strconv.Quote(name)
	}

	return name
}

// Join appends a field's name to a path.
func Join(path, name string) string {
	if path == "" {
		return name
	}

	return path + "." + name
}

// Parent returns the path of the node that a path's node is part of.
func Parent(path string) string {
	if p, ok := strings.CutSuffix(path, "[]"); ok {
		return p
	}

	inQuotes := false

	for i := len(path) - 1; i >= 0; i-- {
		switch {
		case path[i] == '"':
			inQuotes = !inQuotes
		case path[i] == '.' && !inQuotes:
			return path[:i]
		}
	}

	return ""
}

// Within reports whether a path is that of a node or of a part of it.
func Within(path, node string) bool {
	rest, ok := strings.CutPrefix(path, node)

	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
