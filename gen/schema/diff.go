package schema

import (
	"cmp"
	"fmt"
	"slices"
)

// Breaking is appended to what is said of a change that breaks what was valid.
const Breaking = " (breaking)"

// A Change is one difference between two schemas.
type Change struct {
	// Path of the node.
	Path string

	// Keyword that differs, or empty when only one schema has the node at all.
	Keyword string

	// Old and New are the keyword's values as JSON, empty where it is not set. Of a
	// node that only one schema has, they are its type.
	Old, New string

	// Breaking is set by Compare.
	Breaking bool
}

// String says what differs, with the old schema as what is and the new one as what
// should be.
func (c Change) String() string {
	if c.Breaking {
		return c.text() + Breaking
	}

	return c.text()
}

func (c Change) text() string {
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

// Told says what differs as a change from the old schema to the new one.
func (c Change) Told() string {
	path := cmp.Or(c.Path, "(root)")

	switch {
	case c.Keyword == "" && c.New == "":
		return path + ": removed"
	case c.Keyword == "" && c.Old == "":
		return path + ": added"
	case c.New == "":
		return fmt.Sprintf("%s: %s %s removed", path, c.Keyword, c.Old)
	case c.Old == "":
		return fmt.Sprintf("%s: %s %s added", path, c.Keyword, c.New)
	}

	return fmt.Sprintf("%s: %s changed from %s to %s", path, c.Keyword, c.Old, c.New)
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

// Compare returns what differs between two schemas, and which of the changes break
// what was valid: those for which the new one is narrower.
func Compare(from, to Nodes) []Change {
	type at struct{ path, keyword string }

	breaking := map[at]bool{}

	for _, n := range Narrow(from, to) {
		// The keyword that requires a field is its parent's.
		if n.Kind == Required {
			n.Path = Parent(n.Path)
		}

		breaking[at{n.Path, n.Keyword}] = true
	}

	changes := Diff(from, to)
	for i, c := range changes {
		changes[i].Breaking = breaking[at{c.Path, c.Keyword}]
	}

	return changes
}
