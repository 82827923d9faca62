package cluster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
)

// What a claim says may come and go, above all in its first seconds. A wait goes on from
// stage to stage and never back, and what keeps it from that is told meanwhile.
func TestStages(t *testing.T) {
	cases := map[string]struct {
		reason string
		stages []life.Stage
		want   []string
	}{
		"FirstSeconds": {
			reason: "Conditions come one by one, and an answer may be of before.",
			stages: []life.Stage{life.Created, life.Bound, life.Checking, life.Bound, life.Checking, life.Accepted, life.Checking, life.Bound, life.Accepted, life.Starting},
			want: []string{
				"Crossplane to take up the request",
				`the request to be accepted: asking app.ci for an EphemeralCluster "demo-x7k2p", which must not exist`,
				"app.ci to take up the request",
				"ci-operator to start: ci-operator NS not found",
			},
		},
		"Install": {
			reason: "app.ci may not find what it had found before.",
			stages: []life.Stage{life.Starting, life.Installing, life.Starting, life.Installing, life.HandingOver, life.Installing, life.Ready},
			want: []string{
				"ci-operator to start: ci-operator NS not found",
				"the cluster to be installed: " + life.Usual,
				`the kubeconfig to be in Secret "demo-secret"`,
				"",
			},
		},
		"Trouble": {
			reason: "Trouble is told at any stage, and so is that it has passed.",
			stages: []life.Stage{life.Accepted, life.AppCIQuota, life.Checking, life.Accepted, life.Installing, life.AppCIAway, life.Uncomposed, life.Starting},
			want: []string{
				"app.ci to take up the request",
				"app.ci to take what is asked for: " + life.Quota,
				"app.ci to take up the request",
				"the cluster to be installed: " + life.Usual,
				"app.ci to be reachable: " + life.NoRoute,
				"Crossplane: " + life.SecretQuota,
				"the cluster to be installed: " + life.Usual,
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			last, got := State{}, make([]string, 0, len(tc.stages))

			for _, stage := range tc.stages {
				last = From(claimAt(t, stage, false)).After(last)
				got = append(got, last.WaitingFor)
			}

			if diff := cmp.Diff(tc.want, slices.Compact(got)); diff != "" {
				t.Errorf("%s\nAfter(...): -want what is waited for, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
