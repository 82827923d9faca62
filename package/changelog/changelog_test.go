package changelog

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const log = `# Changelog

Of this project.

## Unreleased

- New.

` + "```" + `
## not a heading
` + "```" + `

## v1.1.0 (2026-02-01)

- Newer.

### Details

- More.

## v1.0.0 (2026-01-01)
`

func TestSection(t *testing.T) {
	cases := map[string]struct {
		reason   string
		markdown string
		version  string
		want     string
		fails    bool
	}{
		"Unreleased": {
			reason:   "What was not released yet is what a new version brings.",
			markdown: log,
			version:  "v1.2.0",
			want:     "## v1.2.0 (2026-03-01)\n\n- New.\n\n```\n## not a heading\n```\n",
		},
		"Released": {
			reason:   "A version that has a section is told of by that, to the next version.",
			markdown: log,
			version:  "v1.1.0",
			want:     "## v1.1.0 (2026-03-01)\n\n- Newer.\n\n### Details\n\n- More.\n",
		},
		"Empty": {
			reason:   "An empty section tells nothing.",
			markdown: log,
			version:  "v1.0.0",
			fails:    true,
		},
		"Missing": {
			reason:   "A changelog must tell of a version.",
			markdown: "# Changelog\n\n## v1.0.0\n\n- Old.\n",
			version:  "v1.2.0",
			fails:    true,
		},
		"Prefix": {
			reason:   "A version is not another one that starts like it.",
			markdown: "## v1.2.0-rc.1\n\n- Candidate.\n",
			version:  "v1.2.0",
			fails:    true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Section(tc.markdown, tc.version, "2026-03-01")
			if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
				t.Errorf("%s\nSection(...): want error %t, got %v; -want, +got:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestBefore(t *testing.T) {
	cases := map[string]struct {
		reason   string
		markdown string
		version  string
		want     string
	}{
		"Next":    {reason: "The newest that is out is before the next.", markdown: log, version: "v1.2.0", want: "v1.1.0"},
		"Told":    {reason: "So is the one before it where the next has its section.", markdown: log, version: "v1.1.0", want: "v1.0.0"},
		"First":   {reason: "Nothing is before the first.", markdown: "# Changelog\n\n## Unreleased\n\n- New.\n", version: "v0.1.0"},
		"Nothing": {reason: "Nor where there is nothing.", version: "v0.1.0"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Before(tc.markdown, tc.version)); diff != "" {
				t.Errorf("%s\nBefore(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
