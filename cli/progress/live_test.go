package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/screen"
)

func TestLive(t *testing.T) {
	cases := map[string]struct {
		reason string
		width  int
		height int
		events []event
		want   []string
	}{
		"Life": {
			reason: "Phases stay with the time they took; what is waited for is below; the link is written once.",
			width:  120,
			height: 24,
			events: aLife(),
			want: []string{
				`  Pending             1s
    waiting for app.ci to take up the request
`,
				`  Pending             2s
    waiting for app.ci to take up the request
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning        1s
    waiting for ci-operator to start: ci-operator NS not found
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       11m
    waiting for the cluster to be installed: kubeconfig not ready; ipi-aws usually takes 38m (90% within 47m)
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       12m
    waiting for the cluster to be installed: kubeconfig not ready; ipi-aws usually takes 38m (90% within 47m)
    trying again: dial tcp: connection refused
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       12m
    waiting for the cluster to be installed: kubeconfig not ready; ipi-aws usually takes 38m (90% within 47m)
    trying again: dial tcp: connection refused
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       13m
    waiting for the cluster to be installed: kubeconfig not ready; ipi-aws usually takes 38m (90% within 47m)
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       37m
  Ready              60s
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Pending             4s
  Provisioning       37m
  Ready              60s
`,
			},
		},
		"Narrow": {
			reason: "On a narrow terminal nothing that is drawn over takes a second row unseen.",
			width:  30,
			height: 24,
			events: []event{
				{after: 5 * time.Second, state: state("Provisioning", 4*time.Second, "ci-operator to start: ci-operator NS not found")},
				{after: 6 * time.Second, state: state("Provisioning", 4*time.Second, strings.Repeat("x", 40))},
			},
			want: []string{
				`  ProwJob  https://prow.ci.ope
nshift.org/view/gs/test-platfo
rm-results/logs/ephemeralclust
er-ci-run-1/1830
  Pending             4s
  Provisioning        1s
    waiting for ci-operator
    to start: ci-operator NS
    not found
`,
				`  ProwJob  https://prow.ci.ope
nshift.org/view/gs/test-platfo
rm-results/logs/ephemeralclust
er-ci-run-1/1830
  Pending             4s
  Provisioning        2s
    waiting for
    xxxxxxxxxxxxxxxxxxxxxxxxx
`,
				`  ProwJob  https://prow.ci.ope
nshift.org/view/gs/test-platfo
rm-results/logs/ephemeralclust
er-ci-run-1/1830
  Pending             4s
  Provisioning        2s
`,
			},
		},
		"Low": {
			reason: "On a low terminal, what does not fit is not drawn: it could not be drawn over.",
			width:  60,
			height: 3,
			events: []event{
				{after: 5 * time.Second, state: state("Ready", 4*time.Second, "")},
				{after: 6 * time.Second, state: state("Deprovisioning", 6*time.Second, "the ProwJob to destroy the cluster")},
				{after: 7 * time.Second, state: state("Deprovisioning", 6*time.Second, "the ProwJob to destroy the cluster")},
			},
			want: []string{
				`  ProwJob  https://prow.ci.openshift.org/view/gs/test-platfo
rm-results/logs/ephemeralcluster-ci-run-1/1830
  Ready               1s
`,
				`  ProwJob  https://prow.ci.openshift.org/view/gs/test-platfo
rm-results/logs/ephemeralcluster-ci-run-1/1830
  Deprovisioning      0s
    waiting for the ProwJob to destroy the cluster
`,
				`  ProwJob  https://prow.ci.openshift.org/view/gs/test-platfo
rm-results/logs/ephemeralcluster-ci-run-1/1830
  Deprovisioning      1s
    waiting for the ProwJob to destroy the cluster
`,
				`  ProwJob  https://prow.ci.openshift.org/view/gs/test-platfo
rm-results/logs/ephemeralcluster-ci-run-1/1830
  Ready               2s
  Deprovisioning      1s
`,
			},
		},
		"LinkUnknown": {
			reason: "A link that is not known for a while is no other, and no empty one.",
			width:  120,
			height: 24,
			events: []event{
				{after: 5 * time.Second, state: state("Ready", 4*time.Second, "")},
				{after: 6 * time.Second, state: linkless("Ready", 4*time.Second)},
				{after: 7 * time.Second, state: state("Ready", 4*time.Second, "")},
			},
			want: []string{
				`  ProwJob  ` + life.ProwJobURL + `
  Ready               1s
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Ready               2s
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Ready               3s
`,
				`  ProwJob  ` + life.ProwJobURL + `
  Ready               3s
`,
			},
		},
		"TroubleFirst": {
			reason: "Trouble is shown even before anything is known.",
			width:  60,
			height: 24,
			events: []event{{trouble: errors.New("one")}},
			want: []string{
				`  asking the cluster
    trying again: one
`,
				`
`,
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			now := created()
			s := screen.New(tc.width, tc.height)
			l := NewLive(s, s.Size, func() time.Time { return now })

			var got []string

			tell(&now, l, tc.events, func() { got = append(got, s.String()) })
			l.Close()
			l.Close()
			l.Draw()

			got = append(got, s.String())

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nLive: -want, +got:\n%s", tc.reason, diff)
			}

			if err := s.Err(); err != nil {
				t.Errorf("%s\nLive: %v", tc.reason, err)
			}
		})
	}
}
