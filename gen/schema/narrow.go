package schema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A Kind says what happens to a value that one schema takes as it is.
type Kind string

// Kinds of narrowing.
const (
	// Pruned is a value that is dropped without a word.
	Pruned Kind = "pruned"

	// Refused is a value that is not valid.
	Refused Kind = "refused"

	// Required is a field that cannot be left out.
	Required Kind = "required"

	// Defaulted is a field that, left out, becomes something else.
	Defaulted Kind = "defaulted"
)

// A Narrowing is one way in which a schema does not take a value as another does.
type Narrowing struct {
	// Path of the field that the value is in.
	Path string

	Kind Kind

	// Keyword that is to blame, or empty when one schema has no such field.
	Keyword string

	// Old and New are the keyword's values as JSON, empty where it is not set.
	Old, New string
}

// String tells the narrowing as a change from an old schema to a new one.
func (n Narrowing) String() string {
	path := cmp.Or(n.Path, "(root)")

	switch {
	case n.Keyword == "" && n.Kind == Refused:
		return fmt.Sprintf("%s: took any value, is %s now", path, n.New)
	case n.Keyword == keyRequired:
		return path + ": newly required"
	case n.Keyword == keyType:
		return fmt.Sprintf("%s: retyped from %s to %s", path, n.Old, n.New)
	}

	return Change{Path: n.Path, Keyword: n.Keyword, Old: n.Old, New: n.New}.Told()
}

// Narrow returns where one schema does not take as it is what another does, in order
// of path. Where a keyword's two values cannot be ranked, as two patterns cannot, the
// second counts as narrower. Of a subtree that is taken as a whole or not at all it
// returns the topmost node.
func Narrow(from, to Nodes) []Narrowing {
	var (
		out  []Narrowing
		done []string
	)

	isDone := func(path string) bool {
		return slices.ContainsFunc(done, func(d string) bool { return Within(path, d) })
	}

	for _, path := range slices.Sorted(maps.Keys(from)) {
		if isDone(path) {
			continue
		}

		into := to.find(path)

		switch {
		case into.free:
			if d := from[path][keyDefault]; d != "" {
				out = append(out, Narrowing{Path: path, Kind: Defaulted, Keyword: keyDefault, Old: d})
			}
		case !into.found:
			out = append(out, Narrowing{Path: path, Kind: Pruned, Old: from[path].kind()})
			done = append(done, path)
		case !takesType(from[path], to[into.path]):
			out = append(out, Narrowing{Path: path, Kind: Refused, Keyword: keyType, Old: from[path].kind(), New: to[into.path].kind()})
			done = append(done, path)
		default:
			out = append(out, to.narrowNode(path, from[path], into.path)...)
		}
	}

	// What only the second schema knows, but the first takes as one of many.
	for _, path := range slices.Sorted(maps.Keys(to)) {
		if _, ok := from[path]; ok || isDone(path) {
			continue
		}

		into := from.find(path)

		switch {
		case into.free:
			out = append(out, Narrowing{Path: path, Kind: Refused, New: to[path].kind()})
			done = append(done, path)
		case !into.found:
		case !takesType(from[into.path], to[path]):
			out = append(out, Narrowing{Path: path, Kind: Refused, Keyword: keyType, Old: from[into.path].kind(), New: to[path].kind()})
			done = append(done, path)
		default:
			out = append(out, to.narrowNode(path, from[into.path], path)...)
		}
	}

	slices.SortFunc(out, func(a, b Narrowing) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Keyword, b.Keyword))
	})

	return out
}

// narrowNode returns where one of the nodes is narrower than another schema's, whose
// types go together.
func (n Nodes) narrowNode(path string, from Keywords, at string) []Narrowing {
	var out []Narrowing

	to := n[at]

	all := maps.Clone(from)
	maps.Copy(all, to)

	for _, k := range slices.Sorted(maps.Keys(all)) {
		if from[k] == to[k] {
			continue
		}

		if k == keyRequired {
			for _, field := range newlyRequired(from[k], to[k]) {
				// One with a default is never missing.
				if n[Join(at, Quote(field))][keyDefault] == "" {
					out = append(out, Narrowing{Path: Join(path, Quote(field)), Kind: Required, Keyword: k})
				}
			}

			continue
		}

		if kind := narrows(k, from, to); kind != "" {
			out = append(out, Narrowing{Path: path, Kind: kind, Keyword: k, Old: from[k], New: to[k]})
		}
	}

	return out
}

func newlyRequired(from, to string) []string {
	was := elements[string](from)

	return slices.DeleteFunc(elements[string](to), func(f string) bool { return slices.Contains(was, f) })
}

// elements of a list written as JSON. What is no such list has none.
func elements[T any](list string) []T {
	var out []T

	if json.Unmarshal([]byte(list), &out) != nil {
		return nil
	}

	return out
}

// A place is where a schema says what a path's value must be.
type place struct {
	// found is whether the schema keeps the value at all.
	found bool

	// free is whether the schema takes any value.
	free bool

	// path of the node that says it.
	path string
}

// find returns the place for a path: its own node, that of a map's values, or none
// where unknown fields are kept.
func (n Nodes) find(path string) place {
	if _, ok := n[path]; ok {
		return place{found: true, path: path}
	}

	if path == "" {
		return place{}
	}

	parent := Parent(path)

	in := n.find(parent)
	if !in.found || in.free {
		return in
	}

	step := path[len(parent):]

	for _, p := range []string{in.path + step, Join(in.path, "*")} {
		if _, ok := n[p]; ok && (p == in.path+step || step != "[]") {
			return place{found: true, path: p}
		}
	}

	if kws := n[in.path]; kws[keyPreserve] == yes || kws[keyAdditional] == yes {
		return place{found: true, free: true}
	}

	return place{}
}
