package served

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// empty returns the required fields that hold an empty string. A schema takes that for
// something; app.ci, which gets to see no empty fields, takes it for nothing.
func empty(s *spec.Schema, path Path, value any) []Violation {
	var out []Violation

	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			sub := child(s, key)
			if sub == nil {
				continue
			}

			at := append(slices.Clip(path), key)
			if v[key] == "" && slices.Contains(s.Required, key) {
				out = append(out, Violation{Path: at, Problem: "is required, and is empty"})
			}

			out = append(out, empty(sub, at, v[key])...)
		}
	case []any:
		for i := range v {
			if sub := items(s); sub != nil {
				out = append(out, empty(sub, append(slices.Clip(path), fmt.Sprintf("[%d]", i)), v[i])...)
			}
		}
	}

	return out
}
