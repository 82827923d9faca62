package schema

import (
	"cmp"
	"fmt"
	"slices"
)

// A Change is one difference between two schemas.
type Change struct {
	// Path of the node.
	Path string

	// Keyword that differs, or empty when only one schema has the node at all.
	Keyword string

	// Old and New are the keyword's values as JSON, empty where it is not set. Of a
	// node that only one schema has, they are its type.
	Old, New string
}

// String says what differs, with the old schema as what is and the new one as what
// should be.
func (c Change) String() string {
	path := cmp.Or(c.Path, "(root)")

	switch {
	case c.Keyword == "" && c.New == "":
		return path + ": should not be there"
	case c.Keyword == "" && c.Old == "":
		return path + ": is missing"
	case c.New == "":
		return fmt.Sprintf("%s: %s is %s, should not be set", path, c.Keyword, c.Old)
	case c.Old == "":
		return fmt.Sprintf("%s: %s is not set, should be %s", path, c.Keyword, c.New)
	}

	return fmt.Sprintf("%s: %s is %s, should be %s", path, c.Keyword, c.Old, c.New)
}

// Diff returns what differs between two schemas, in order of path. Of a subtree that
// only one of them has it returns the topmost node.
func Diff(from, to Nodes) []Change {
	changes := make([]Change, 0)

	for path, kws := range from {
		if other, ok := to[path]; ok {
			changes = append(changes, diffKeywords(path, kws, other)...)

			continue
		}

		if _, ok := to[Parent(path)]; ok || path == "" {
			changes = append(changes, Change{Path: path, Old: kws.kind()})
		}
	}

	for path, kws := range to {
		if _, ok := from[path]; ok {
			continue
		}

		if _, ok := from[Parent(path)]; ok || path == "" {
			changes = append(changes, Change{Path: path, New: kws.kind()})
		}
	}

	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Keyword, b.Keyword))
	})

	return changes
}

func diffKeywords(path string, from, to Keywords) []Change {
	var changes []Change

	for k, v := range from {
		if to[k] != v {
			changes = append(changes, Change{Path: path, Keyword: k, Old: v, New: to[k]})
		}
	}

	for k, v := range to {
		if _, ok := from[k]; !ok {
			changes = append(changes, Change{Path: path, Keyword: k, New: v})
		}
	}

	return changes
}

// kind is never empty, because an empty value means that there is no node.
func (k Keywords) kind() string {
	return cmp.Or(k["type"], `"any"`)
}
