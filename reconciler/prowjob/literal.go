package prowjob

import (
	"strings"
	"unicode"
)

// isName reports whether a variable could have a name.
func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-._", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// literal protects a value from the kubelet, which halves pairs of dollar signs and
// expands references to variables. Text that it leaves alone stays readable.
func literal(value string) string {
	b := strings.Builder{}

	for {
		before, rest, found := strings.Cut(value, "$")
		b.WriteString(before)

		if !found {
			return b.String()
		}

		name, _, closed := strings.Cut(strings.TrimPrefix(rest, "("), ")")
		opened := strings.HasPrefix(rest, "(")

		switch {
		case strings.HasPrefix(rest, "$"), opened && closed && isName(name):
			b.WriteString("$$")
			value = rest
		case opened && closed:
			// What is within is taken for the name of a variable, pairs of
			// dollar signs included, and put back as it is.
			b.WriteString("$(" + name + ")")
			value = rest[len(name)+2:]
		default:
			b.WriteString("$")
			value = rest
		}
	}
}
