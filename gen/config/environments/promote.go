package environments

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	yamlv3 "go.yaml.in/yaml/v3"
	"golang.org/x/mod/semver"
)

const (
	// Checkout is what a release is promoted from: this checkout.
	Checkout = "checkout"

	// AppCIName is what app.ci is called as a place to promote to.
	AppCIName = "app.ci"
)

// A Published release is what this checkout was published as.
type Published struct {
	Release

	// API is the digest of the checkout's definitions.
	API string
}

// A Move is one value that was changed.
type Move struct {
	Path, From, To string
}

// String says what was moved.
func (m Move) String() string {
	return fmt.Sprintf("%s: %s -> %s", m.Path, m.From, m.To)
}

// Parts of what an environment runs, which can be promoted by themselves.
const (
	// OnlyFunction is the function with the definitions that it was released with.
	OnlyFunction = "function"

	// OnlyProvider is provider-kubernetes.
	OnlyProvider = "provider"
)

// Options of a promotion.
type Options struct {
	// Only is the part to promote; all when it is empty.
	Only string

	// Skip lets versions pass over environments that they are to be tried in first.
	Skip bool

	// Downgrade lets an older version take the place of a newer one.
	Downgrade bool
}

// Promote gives an environment the versions of another one. It returns the file with
// nothing but those values changed, comments and layout as they were.
func Promote(b []byte, from, to string, o Options) ([]byte, []Move, error) {
	f, err := Parse(b)
	if err != nil {
		return nil, nil, err
	}

	src, ok := f.Find(from)
	if !ok {
		return nil, nil, errors.Errorf("there is no environment %q to promote from", from)
	}

	dst, ok := f.Find(to)
	if !ok {
		return nil, nil, errors.Errorf("there is no environment %q to promote to", to)
	}

	v := src.Versions

	switch o.Only {
	case OnlyFunction:
		v.Provider = dst.Versions.Provider
	case OnlyProvider:
		v.API, v.Function = dst.Versions.API, dst.Versions.Function
	}

	for _, r := range []struct {
		what     string
		from, to Release
	}{
		{"function", v.Function, dst.Versions.Function},
		{"provider", v.Provider, dst.Versions.Provider},
	} {
		if r.from.Digest == Placeholder && r.to != r.from {
			return nil, nil, errors.Errorf("%s has %s %s, which is not published yet: there is nothing to promote", from, r.what, r.from.Version)
		}
	}

	return f.move(b, from, to, v, o)
}

// PromoteRelease gives an environment, or app.ci, what this checkout was published as.
func PromoteRelease(b []byte, p Published, to string, o Options) ([]byte, []Move, error) {
	f, err := Parse(b)
	if err != nil {
		return nil, nil, err
	}

	if to == AppCIName {
		if err := o.mayBecome("reconciler", AppCIName, f.AppCI.Versions.Reconciler, p.Release); err != nil {
			return nil, nil, err
		}

		return edit(b, []setting{
			{[]string{"appCI", "versions", "api"}, p.API},
			{[]string{"appCI", "versions", "reconciler", "version"}, p.Version},
			{[]string{"appCI", "versions", "reconciler", "digest"}, p.Digest},
		})
	}

	dst, ok := f.Find(to)
	if !ok {
		return nil, nil, errors.Errorf("there is no environment %q to promote to", to)
	}

	v := dst.Versions
	v.API, v.Function = p.API, p.Release

	return f.move(b, Checkout, to, v, o)
}

// move gives an environment other versions, if they are to go there.
func (f *File) move(b []byte, from, to string, v Versions, o Options) ([]byte, []Move, error) {
	dst, _ := f.Find(to)

	if err := errors.Join(
		f.mayFollow(from, to, o),
		o.mayBecome("function", to, dst.Versions.Function, v.Function),
		o.mayBecome("provider", to, dst.Versions.Provider, v.Provider),
	); err != nil {
		return nil, nil, err
	}

	return edit(b, environmentVersions(to, v))
}

// mayFollow refuses what would pass over an environment, or go back to one.
func (f *File) mayFollow(from, to string, o Options) error {
	if o.Skip || from == to {
		return nil
	}

	// A checkout comes before all of them.
	order := []string{Checkout}
	for _, e := range f.Environments {
		order = append(order, e.Name)
	}

	i := slices.Index(order, to)
	if order[i-1] == from {
		return nil
	}

	return errors.Errorf("%s gets its versions from %s: promote from there, or say --skip-stages", to, order[i-1])
}

// mayBecome refuses a version that is older than the one it takes the place of.
func (o Options) mayBecome(what, place string, is, becomes Release) error {
	if o.Downgrade || semver.Compare(becomes.Version, is.Version) >= 0 {
		return nil
	}

	return errors.Errorf("%s of %s would go back from %s to %s: leave it out, or say --downgrade", what, place, is.Version, becomes.Version)
}

// A setting is a value and where it is: steps into mappings, and list elements by
// their names.
type setting struct {
	path  []string
	value string
}

func environmentVersions(name string, v Versions) []setting {
	at := func(steps ...string) []string {
		return append([]string{"environments", name, "versions"}, steps...)
	}

	return []setting{
		{at("api"), v.API},
		{at("function", "version"), v.Function.Version},
		{at("function", "digest"), v.Function.Digest},
		{at("provider", "version"), v.Provider.Version},
		{at("provider", "digest"), v.Provider.Digest},
	}
}

// edit replaces values where they stand in the text: to write the whole document
// anew would lose its layout.
func edit(b []byte, settings []setting) ([]byte, []Move, error) {
	doc := &yamlv3.Node{}
	if err := yamlv3.Unmarshal(b, doc); err != nil {
		return nil, nil, errors.Wrap(err, "not valid YAML")
	}

	var moves []Move

	lines := strings.SplitAfter(string(b), "\n")

	for _, s := range settings {
		n := find(doc, s.path)
		if n == nil {
			return nil, nil, errors.Errorf("%s is not there, or not written out in place: what has an anchor, or is an alias, stands elsewhere too", strings.Join(s.path, "."))
		}

		if n.Value == s.value {
			continue
		}

		line := &lines[n.Line-1]

		// No value holds what would have to be escaped or quoted.
		before, after, ok := cut(*line, n.Column-1, n.Value)
		if !ok {
			return nil, nil, errors.Errorf("line %d: cannot replace %q: write it out, on one line", n.Line, n.Value)
		}

		*line = before + s.value + after

		moves = append(moves, Move{Path: strings.Join(s.path, "."), From: n.Value, To: s.value})
	}

	out := []byte(strings.Join(lines, ""))

	_, err := Parse(out)

	return out, moves, errors.Wrap(err, "the outcome would not be valid")
}

// cut splits a line around a value that begins at a column, in quotes or not.
func cut(line string, column int, value string) (before, after string, ok bool) {
	if column > len(line) {
		return "", "", false
	}

	rest := strings.TrimLeft(line[column:], `"'`)
	before = line[:len(line)-len(rest)]
	after, ok = strings.CutPrefix(rest, value)

	return before, after, ok
}

// find returns the value at a path, if it stands there and nowhere else: what has an anchor would
// change wherever that is used.
func find(n *yamlv3.Node, path []string) *yamlv3.Node {
	if n.Anchor != "" {
		return nil
	}

	if n.Kind == yamlv3.DocumentNode && len(n.Content) == 1 {
		return find(n.Content[0], path)
	}

	if len(path) == 0 {
		if n.Kind == yamlv3.ScalarNode {
			return n
		}

		return nil
	}

	switch n.Kind {
	case yamlv3.MappingNode:
		if v := valueOf(n, path[0]); v != nil {
			return find(v, path[1:])
		}
	case yamlv3.SequenceNode:
		for _, e := range n.Content {
			if name := valueOf(e, "name"); name != nil && name.Value == path[0] {
				return find(e, path[1:])
			}
		}
	}

	return nil
}

func valueOf(mapping *yamlv3.Node, key string) *yamlv3.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}

	return nil
}
