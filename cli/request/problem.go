package request

import "strings"

// A Problem is one thing that is wrong with the command line.
type Problem struct {
	// Flags that are wrong, or would set what is missing.
	Flags string

	// Where in the flag's text it is, if that has several lines.
	Where string

	// Path of the field, below what the flag sets.
	Path string

	// Text says what is wrong.
	Text string
}

// String is one line.
func (p Problem) String() string {
	b := &strings.Builder{}

	b.WriteString(p.Flags)

	if p.Where != "" {
		b.WriteString(" (" + p.Where + ")")
	}

	if p.Flags != "" {
		b.WriteString(": ")
	}

	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}

	b.WriteString(strings.Join(strings.Fields(p.Text), " "))

	return b.String()
}

// UsageErrors are all that is wrong with a command line.
type UsageErrors []Problem

// Error has a line for each problem.
func (ps UsageErrors) Error() string {
	lines := make([]string, 0, len(ps))
	for _, p := range ps {
		lines = append(lines, p.String())
	}

	return strings.Join(lines, "\n")
}

// Usage returns a problem with a flag, or with flags.
func Usage(flags, text string) UsageErrors { return UsageErrors{{Flags: flags, Text: text}} }
