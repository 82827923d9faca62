package xrd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

const keywordValue = "value"

// Stale says, field by field, how a file's content differs from what is generated
// now. It says nothing when they are the same.
func Stale(have, want []byte) ([]string, error) {
	if bytes.Equal(have, want) {
		return nil, nil
	}

	old, err := parseXRD(have)
	if err != nil {
		return []string{err.Error()}, nil //nolint:nilerr // A file that is no XRD is a stale one.
	}

	cur, err := parseXRD(want)
	if err != nil {
		return nil, err
	}

	var lines []string
	for _, c := range schema.Diff(old.fields, cur.fields) {
		lines = append(lines, c.String())
	}

	for _, v := range cur.versions {
		was, ok := old.schemas[v]
		if !ok {
			continue
		}

		for _, c := range schema.Diff(was, cur.schemas[v]) {
			lines = append(lines, v+" "+c.String())
		}
	}

	if len(lines) == 0 {
		lines = append(lines, firstLine(have, want))
	}

	return lines, nil
}

// A parsedXRD is an XRD in a form that compares well.
type parsedXRD struct {
	// fields of the XRD, except those of its schemas.
	fields schema.Nodes

	// versions in their order, and the schema of each.
	versions []string
	schemas  map[string]schema.Nodes
}

func parseXRD(b []byte) (*parsedXRD, error) {
	xrd := &xv1.CompositeResourceDefinition{}
	if err := yaml.Unmarshal(b, xrd); err != nil {
		return nil, errors.Wrap(err, "cannot parse XRD")
	}

	out := &parsedXRD{fields: schema.Nodes{}, schemas: map[string]schema.Nodes{}}

	for i, v := range xrd.Spec.Versions {
		if v.Schema == nil {
			continue
		}

		nodes, err := parseNodes(v.Schema.OpenAPIV3Schema.Raw)
		if err != nil {
			return nil, errors.Wrapf(err, "version %q", v.Name)
		}

		out.versions = append(out.versions, v.Name)
		out.schemas[v.Name] = nodes
		xrd.Spec.Versions[i].Schema = nil
	}

	j, err := json.Marshal(xrd)
	if err != nil {
		return nil, errors.Wrap(err, "cannot marshal XRD")
	}

	var obj any
	if err := json.Unmarshal(j, &obj); err != nil {
		return nil, errors.Wrap(err, "cannot unmarshal XRD")
	}

	addFields(out.fields, "", obj)

	return out, nil
}

// addFields names the elements of a list by their name, where they have one.
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
			if m, ok := sub.(map[string]any); ok && m["name"] != nil {
				name = fmt.Sprint(m["name"])
			}

			addFields(n, schema.Join(path, schema.Quote(name)), sub)
		}
	default:
		n[path][keywordValue] = fmt.Sprintf("%#v", v)
	}
}

func firstLine(have, want []byte) string {
	a, b := strings.Split(string(have), "\n"), strings.Split(string(want), "\n")

	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, should be %q", i+1, a[i], b[i])
		}
	}

	return fmt.Sprintf("has %d lines, should have %d", len(a), len(b))
}
