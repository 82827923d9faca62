package xrd

import (
	"strings"

	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/schema"
)

// An Edit is one change between two CRDs.
type Edit struct {
	// Text says what changed, and in which version.
	Text string

	// Breaking is whether requests that were valid are refused or lose something.
	Breaking bool
}

// String says what changed, and whether that breaks something.
func (e Edit) String() string {
	if e.Breaking {
		return e.Text + schema.Breaking
	}

	return e.Text
}

// Changes returns what changes from one CRD to another.
func Changes(from, to *extv1.CustomResourceDefinition) ([]Edit, error) {
	was, err := parseDefinition(from)
	if err != nil {
		return nil, err
	}

	is, err := parseDefinition(to)
	if err != nil {
		return nil, err
	}

	var out []Edit

	for _, c := range schema.Diff(was.fields, is.fields) {
		out = append(out, Edit{Text: c.Told(), Breaking: breaksRequests(c)})
	}

	for _, v := range is.versions {
		old, ok := was.schemas[v]
		if !ok {
			continue
		}

		for _, n := range schema.Narrow(old, is.schemas[v]) {
			out = append(out, Edit{Text: v + " " + n.String(), Breaking: true})
		}

		for _, c := range schema.Compare(old, is.schemas[v]) {
			if !c.Breaking {
				out = append(out, Edit{Text: v + " " + c.Told()})
			}
		}
	}

	return out, nil
}

// breaksRequests reports whether a change outside of the schemas breaks something:
// that a version is gone or what it serves beside objects, or that the kind is another one.
func breaksRequests(c schema.Change) bool {
	const versions = "spec.versions"

	switch {
	case c.Keyword == "" && schema.Parent(c.Path) == versions:
		return c.New == ""
	case strings.HasSuffix(c.Path, ".served") && schema.Within(c.Path, versions):
		return c.New == "false"
	case schema.Within(c.Path, versions) && isServedBeside(c.Path):
		return c.Old != "" && (c.Keyword != "" || c.New == "")
	}

	switch c.Path {
	case "spec.group", "spec.scope", "spec.names.kind", "spec.names.plural":
		return true
	}

	return false
}

// isServedBeside reports whether a path is about a version's subresources, or about fields
// that its objects can be selected by.
func isServedBeside(path string) bool {
	_, of, _ := strings.Cut(strings.TrimPrefix(path, "spec.versions."), ".")

	return schema.Within(of, "subresources") || schema.Within(of, "selectableFields")
}

func parseDefinition(crd *extv1.CustomResourceDefinition) (*definition, error) {
	out := newDefinition()

	rest := crd.DeepCopy()
	rest.Status = extv1.CustomResourceDefinitionStatus{}

	for i, v := range crd.Spec.Versions {
		if v.Schema == nil {
			continue
		}

		if err := out.addVersion(v.Name, v.Schema.OpenAPIV3Schema); err != nil {
			return nil, err
		}

		rest.Spec.Versions[i].Schema = nil
	}

	if err := out.addRest(rest); err != nil {
		return nil, err
	}

	return out, nil
}
