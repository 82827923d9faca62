package ephemeralcluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestNameFitsLabel(t *testing.T) {
	long := strings.Repeat("a", 64)

	cases := map[string]struct {
		reason string
		name   string
		want   string
	}{
		"Longest": {reason: "A label value may have 63 characters.", name: long[:63]},
		"TooLong": {
			reason: "A ProwJob could not carry a longer one.",
			name:   long,
			want:   `name "` + long + `" cannot be the label of a ProwJob: choose one of at most 63 characters`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// A claim is exempt from what concerns profiles only.
			ec := newCluster(claim, func(ec *v1.EphemeralCluster) { ec.Name = tc.name })
			if diff := cmp.Diff(tc.want, validate(request{ec: ec})); diff != "" {
				t.Errorf("%s\nvalidate(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
