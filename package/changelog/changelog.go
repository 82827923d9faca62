// Package changelog reads CHANGELOG.md: a section of second level for each version,
// the newest first, and before them one for what is not released yet.
package changelog

import (
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

const (
	heading    = "## "
	unreleased = "Unreleased"
)

// Section returns what has changed with a version, under a heading of its own. That is
// the version's section or, before there is one, the section Unreleased, which must
// not be empty: whoever uses this wants to know what a release brings.
func Section(markdown, version, date string) (string, error) {
	_, all := sections(markdown)

	body, ok := all[version]
	if !ok {
		body = all[unreleased]
	}

	if body == "" {
		return "", errors.Errorf("the changelog tells nothing of %s: write what has changed under %s%s", version, heading, unreleased)
	}

	return heading + version + " (" + date + ")\n\n" + body + "\n", nil
}

// Before returns the version that was released before one: the newest that has a section
// and is another. There is none before the first.
func Before(markdown, version string) string {
	names, _ := sections(markdown)
	for _, name := range names {
		if name != "" && name != unreleased && name != version {
			return name
		}
	}

	return ""
}

// sections are the texts by the first word of their headings, and these words in their
// order. Code blocks may have lines that look like headings.
func sections(markdown string) (names []string, texts map[string]string) {
	texts = map[string]string{}
	current, code := "", false

	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "```") {
			code = !code
		}

		if words := strings.Fields(strings.TrimPrefix(line, heading)); !code && strings.HasPrefix(line, heading) && len(words) > 0 {
			current = words[0]
			names = append(names, current)
			texts[current] = ""

			continue
		}

		texts[current] += line
	}

	for name, text := range texts {
		texts[name] = strings.TrimSpace(text)
	}

	return names, texts
}
