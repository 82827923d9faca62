package xrd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStale(t *testing.T) {
	const current = `# header
apiVersion: apiextensions.crossplane.io/v1
kind: CompositeResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  names: {kind: Thing, plural: things}
  versions:
  - name: v1
    served: true
    referenceable: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [a]
            properties:
              a: {type: string}
              releases:
                type: object
                additionalProperties: {type: object, properties: {relative: {type: integer}}}
`

	cases := map[string]struct {
		reason string
		have   string
		want   []string
	}{
		"Same": {
			reason: "Equal files do not differ.",
			have:   current,
		},
		"MissingField": {
			reason: "A field that the file lacks is named by its path.",
			have:   strings.ReplaceAll(current, ", properties: {relative: {type: integer}}", ""),
			want:   []string{"v1 spec.releases.*.relative: is missing"},
		},
		"SuperfluousField": {
			reason: "So is one that it has too much.",
			have:   strings.ReplaceAll(current, "a: {type: string}", "a: {type: string}\n              b: {type: string}"),
			want:   []string{"v1 spec.b: should not be there (breaking)"},
		},
		"Tightened": {
			reason: "A change that would refuse or lose what is taken today is said to break.",
			have:   strings.ReplaceAll(current, "required: [a]\n", "maxProperties: 1\n"),
			want: []string{
				"v1 spec: maxProperties is 1, should not be set",
				`v1 spec: required is not set, should be ["a"] (breaking)`,
			},
		},
		"ChangedKeyword": {
			reason: "A keyword is shown with both values.",
			have:   strings.ReplaceAll(current, "required: [a]", "required: [a, b]"),
			want:   []string{`v1 spec: required is ["a","b"], should be ["a"]`},
		},
		"OutsideTheSchema": {
			reason: "The rest of the XRD is compared as well; an element of a list goes by its name.",
			have:   strings.NewReplacer("kind: Thing", "kind: Other", "served: true", "served: false").Replace(current),
			want: []string{
				`spec.names.kind: value is "Other", should be "Thing"`,
				"spec.versions.v1.served: value is false, should be true",
			},
		},
		"Version": {
			reason: "A version that is not there has no fields to compare.",
			have:   strings.ReplaceAll(current, "- name: v1", "- name: v0"),
			want: []string{
				"spec.versions.v0: should not be there",
				"spec.versions.v1: is missing",
			},
		},
		"Header": {
			reason: "Where only comments differ, the first line that does is shown.",
			have:   strings.ReplaceAll(current, "# header", "# other"),
			want:   []string{`line 1 is "# other", should be "# header"`},
		},
		"Truncated": {
			reason: "Where only the end is missing, the lengths are shown.",
			have:   strings.TrimSuffix(current, "\n"),
			want:   []string{"has 23 lines, should have 24"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Stale([]byte(tc.have), []byte(current))
			if err != nil {
				t.Fatalf("Stale(...): %v", err)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nStale(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
