package environments

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"sigs.k8s.io/yaml"
)

const schemaURL = "environments.schema.json"

// Parse reads and validates the file, and fills in what it leaves out.
func Parse(b []byte) (*File, error) {
	j, err := yaml.YAMLToJSONStrict(b)
	if err != nil {
		return nil, errors.Wrap(err, "not valid YAML")
	}

	if err := matchSchema(j); err != nil {
		return nil, err
	}

	f := &File{}
	if err := yaml.UnmarshalStrict(b, f); err != nil {
		return nil, errors.Wrap(err, "cannot parse")
	}

	f.setDefaults()

	if err := f.validate(); err != nil {
		return nil, err
	}

	return f, nil
}

func matchSchema(j []byte) error {
	raw, err := Schema("")
	if err != nil {
		return err
	}

	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return errors.Wrap(err, "cannot parse schema")
	}

	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaURL, doc); err != nil {
		return errors.Wrap(err, "cannot add schema")
	}

	s, err := c.Compile(schemaURL)
	if err != nil {
		return errors.Wrap(err, "cannot compile schema")
	}

	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(j))
	if err != nil {
		return errors.Wrap(err, "cannot parse")
	}

	err = s.Validate(instance)

	if invalid := (*jsonschema.ValidationError)(nil); errors.As(err, &invalid) {
		return join(problemsOf(invalid, instance))
	}

	return err
}

// problemsOf are the leaves of a validation error, in the order of their places.
func problemsOf(e *jsonschema.ValidationError, instance any) []string {
	if len(e.Causes) == 0 {
		return []string{place(instance, e.InstanceLocation) + ": " + e.ErrorKind.LocalizedString(message.NewPrinter(language.English))}
	}

	var out []string
	for _, c := range e.Causes {
		out = append(out, problemsOf(c, instance)...)
	}

	slices.Sort(out)

	return out
}

// place says where in the file something is, with the names of list elements where
// they have any.
func place(instance any, path []string) string {
	out := ""

	for _, step := range path {
		switch v := instance.(type) {
		case map[string]any:
			out += "." + step
			instance = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return out
			}

			instance = v[i]
			if m, ok := instance.(map[string]any); ok && m["name"] != nil {
				step = fmt.Sprint(m["name"])
			}

			out += "[" + step + "]"
		}
	}

	if out == "" {
		return "the file"
	}

	return strings.TrimPrefix(out, ".")
}

// join makes one error of problems, a line each, or nil of none.
func join(problems []string) error {
	if len(problems) == 0 {
		return nil
	}

	return errors.New(strings.Join(problems, "\n"))
}
