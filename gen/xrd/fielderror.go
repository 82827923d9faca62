package xrd

import (
	"cmp"
	"strings"
)

// A FieldError is about a field that an XRD cannot have, or that Crossplane would not
// serve as it is.
type FieldError struct {
	// Kind that would be served, where it is about only one.
	Kind string

	// Path of the field.
	Path string

	// Reason says what is wrong with it.
	Reason string
}

// Error names the field and the reason.
func (e FieldError) Error() string {
	s := cmp.Or(e.Path, "(root)") + ": " + e.Reason
	if e.Kind != "" {
		return e.Kind + ": " + s
	}

	return s
}

// FieldErrors are those of one XRD.
type FieldErrors []FieldError

// Error names every field, one a line.
func (e FieldErrors) Error() string {
	lines := make([]string, 0, len(e))
	for _, fe := range e {
		lines = append(lines, fe.Error())
	}

	return strings.Join(lines, "\n")
}
