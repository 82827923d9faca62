package served

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// A Path leads to a value in an object: keys of objects, and positions in lists.
type Path []string

// String joins a path with dots. A key that has dots itself is in brackets.
func (p Path) String() string {
	b := &strings.Builder{}

	for i, key := range p {
		switch {
		case strings.HasPrefix(key, "[") && strings.HasSuffix(key, "]"):
			b.WriteString(key)
		case key == "" || strings.ContainsAny(key, ".[] "):
			fmt.Fprintf(b, "[%q]", key)
		case i > 0:
			b.WriteString("." + key)
		default:
			b.WriteString(key)
		}
	}

	return b.String()
}

// Within reports whether a path leads to what another leads to, or below it, and
// returns the rest of it.
func (p Path) Within(parent Path) (Path, bool) {
	if len(p) < len(parent) || !slices.Equal(p[:len(parent)], parent) {
		return nil, false
	}

	return p[len(parent):], true
}

// Locate finds in an object what a dotted name means, whose keys may have dots
// themselves. What the object does not have is taken for the name of one field.
func Locate(object any, name string) Path {
	path, _ := locate(nil, object, name)

	return path
}

// locate also returns the schema of what it finds, nil where there is none.
func locate(s *spec.Schema, value any, name string) (Path, *spec.Schema) {
	name = strings.TrimPrefix(name, ".")
	if name == "" {
		return nil, s
	}

	switch v := value.(type) {
	case map[string]any:
		return locateKey(s, v, name)
	case []any:
		return locateItem(s, v, name)
	}

	return Path{name}, nil
}

func locateKey(s *spec.Schema, object map[string]any, name string) (Path, *spec.Schema) {
	found, ok := "", false

	for key := range object {
		rest, is := strings.CutPrefix(name, key)
		if is && (rest == "" || rest[0] == '.' || rest[0] == '[') && (!ok || len(key) > len(found)) {
			found, ok = key, true
		}
	}

	if !ok {
		return Path{name}, nil
	}

	path, sub := locate(child(s, found), object[found], name[len(found):])

	return append(Path{found}, path...), sub
}

func locateItem(s *spec.Schema, list []any, name string) (Path, *spec.Schema) {
	position, rest, _ := strings.Cut(strings.TrimPrefix(name, "["), "]")

	i, err := strconv.Atoi(position)
	if err != nil || i < 0 || i >= len(list) {
		return Path{name}, nil
	}

	path, sub := locate(items(s), list[i], rest)

	return append(Path{"[" + position + "]"}, path...), sub
}

func child(s *spec.Schema, key string) *spec.Schema {
	if s == nil {
		return nil
	}

	if p, ok := s.Properties[key]; ok {
		return &p
	}

	if s.AdditionalProperties == nil {
		return nil
	}

	return s.AdditionalProperties.Schema
}

func items(s *spec.Schema) *spec.Schema {
	if s == nil || s.Items == nil {
		return nil
	}

	return s.Items.Schema
}
