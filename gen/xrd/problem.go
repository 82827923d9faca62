package xrd

import (
	"cmp"
	"strings"
)

// A Problem is a field that an XRD cannot have, or that Crossplane would not serve as
// it is.
type Problem struct {
	// Kind that would be served, where the problem is with only one.
	Kind string

	// Path of the field.
	Path string

	// Reason says what is wrong with it.
	Reason string
}

// Error names the field and the reason.
func (p Problem) Error() string {
	s := cmp.Or(p.Path, "(root)") + ": " + p.Reason
	if p.Kind != "" {
		return p.Kind + ": " + s
	}

	return s
}

// Problems of one XRD.
type Problems []Problem

// Error names every problem, one a line.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, e := range p {
		lines = append(lines, e.Error())
	}

	return strings.Join(lines, "\n")
}
