package served

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	openapierrors "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
)

// A Violation is one thing that is wrong with an object. It never tells a value that
// the object has, which may be a credential.
type Violation struct {
	// Path of the field.
	Path Path

	// Problem says what is wrong with it.
	Problem string

	// Meant is the path of the field that a misspelt one was probably meant to be.
	Meant Path

	// missing is true for a field that is required.
	missing bool
}

// Check returns what the schema does not allow, ordered by path. The rules are those
// that the API server itself applies. A required field that is only misspelt counts
// once.
func (s *Schema) Check(object map[string]any) []Violation {
	var out []Violation

	for _, err := range validate.NewSchemaValidator(s.root, nil, "", strfmt.Default).Validate(object).Errors {
		invalid := &openapierrors.Validation{}
		if errors.As(err, &invalid) {
			out = append(out, s.violation(object, invalid))

			continue
		}

		out = append(out, Violation{Problem: err.Error()})
	}

	// What is empty need not be told to have no such form, too.
	empties := empty(s.root, nil, object)
	isEmpty := func(v Violation) bool {
		return slices.ContainsFunc(empties, func(e Violation) bool { return e.Path.String() == v.Path.String() })
	}

	out = append(slices.DeleteFunc(out, isEmpty), empties...)

	meant := map[string]bool{}
	for _, v := range out {
		meant[v.Meant.String()] = true
	}

	out = slices.DeleteFunc(out, func(v Violation) bool { return v.missing && meant[v.Path.String()] })

	slices.SortFunc(out, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Path.String(), b.Path.String()), cmp.Compare(a.Problem, b.Problem))
	})

	return slices.CompactFunc(out, func(a, b Violation) bool { return a.Path.String() == b.Path.String() && a.Problem == b.Problem })
}

func (s *Schema) violation(object map[string]any, err *openapierrors.Validation) Violation {
	path, sub := locate(s.root, object, err.Name)
	v := Violation{Path: path}

	switch err.Code() {
	case openapierrors.UnallowedPropertyCode:
		key, _ := err.Value.(string)
		v.Path, v.Problem = append(slices.Clone(path), key), "unknown field"

		if meant := suggestion(key, sub); meant != "" {
			v.Problem = fmt.Sprintf("unknown field, did you mean %q?", meant)
			v.Meant = append(slices.Clone(path), meant)
		}
	case openapierrors.RequiredFailCode:
		v.Problem, v.missing = "is required", true
	case openapierrors.InvalidTypeCode:
		got, _ := err.Value.(string)
		v.Problem = wrongType(sub, got)
	case openapierrors.EnumFailCode:
		v.Problem = "must be one of " + list(err.Values)
	default:
		v.Problem = strings.TrimSpace(strings.TrimPrefix(err.Error(), fmt.Sprintf("%s in %s", err.Name, err.In)))
	}

	return v
}

// suggestion names a field that may have been meant.
func suggestion(key string, s *spec.Schema) string {
	if s == nil {
		return ""
	}

	return nearest(key, slices.Sorted(maps.Keys(s.Properties)))
}

func wrongType(s *spec.Schema, got string) string {
	if s == nil || len(s.Type) == 0 {
		return fmt.Sprintf("must not be %s", withArticle(got))
	}

	problem := fmt.Sprintf("must be %s, not %s", withArticle(strings.Join(s.Type, " or ")), withArticle(got))

	if s.Type.Contains("string") && slices.Contains([]string{"integer", "number", "boolean"}, got) {
		problem += "; put it in quotes"
	}

	return problem
}

func withArticle(typ string) string {
	switch typ {
	case "null":
		return typ
	case "array", "integer", "object":
		return "an " + typ
	}

	return "a " + typ
}

func list(values []any) string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, fmt.Sprint(v))
	}

	return strings.Join(words, ", ")
}
