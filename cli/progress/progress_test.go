package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
)

// event is what a reporter is told at some time after the claim was created.
type event struct {
	after   time.Duration
	state   *cluster.State
	trouble error
}

func created() time.Time { return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC) }

func state(phase string, since time.Duration, waitingFor string) *cluster.State {
	s := &cluster.State{Name: "demo", Created: created(), Phase: phase, Since: created().Add(since), WaitingFor: waitingFor}
	if phase != cluster.PhasePending {
		s.ProwJobURL = life.ProwJobURL
	}

	return s
}

func linkless(phase string, since time.Duration) *cluster.State {
	s := state(phase, since, "")
	s.ProwJobURL = ""

	return s
}

func failed(since time.Duration) *cluster.State {
	s := state("Failed", since, "")
	s.Failure = &cluster.Failure{Reason: "ProwJobFailure", Message: "prowjob state:\nfailure"}

	return s
}

func aLife() []event {
	return []event{
		{after: time.Second, state: state(cluster.PhasePending, 0, "app.ci to take up the request")},
		{after: 2 * time.Second, state: state(cluster.PhasePending, 0, "app.ci to take up the request")},
		{after: 5 * time.Second, state: state("Provisioning", 4*time.Second, "ci-operator to start: ci-operator NS not found")},
		{after: 12 * time.Minute, state: state("Provisioning", 4*time.Second, "the cluster to be installed: "+life.Usual)},
		{after: 13 * time.Minute, trouble: errors.New("dial tcp: connection refused")},
		{after: 13*time.Minute + 1, trouble: errors.New("dial tcp: connection refused")},
		{after: 14 * time.Minute, state: state("Provisioning", 4*time.Second, "the cluster to be installed: "+life.Usual)},
		{after: 39 * time.Minute, state: state("Ready", 38*time.Minute, "")},
	}
}

// tell tells a reporter of events, and calls then after each.
func tell(now *time.Time, r Reporter, events []event, then func()) {
	for _, e := range events {
		*now = created().Add(e.after)

		if e.state != nil {
			r.State(*e.state)
		} else {
			r.Trouble(e.trouble)
		}

		then()
	}
}

func TestLines(t *testing.T) {
	cases := map[string]struct {
		reason string
		events []event
		want   string
	}{
		"Life": {
			reason: "There is a line for each change, and none for what was said.",
			events: aLife(),
			want: `    1s  Pending: waiting for app.ci to take up the request
    5s  ProwJob: ` + life.ProwJobURL + `
    5s  Provisioning: waiting for ci-operator to start: ci-operator NS not found
   12m  Provisioning: waiting for the cluster to be installed: ` + life.Usual + `
   13m  trying again: dial tcp: connection refused
   39m  Ready
`,
		},
		"Failure": {
			reason: "A failure takes one line.",
			events: []event{{after: time.Hour, state: failed(time.Hour)}},
			want: `   60m  ProwJob: ` + life.ProwJobURL + `
   60m  Failed: ProwJobFailure: prowjob state: failure
`,
		},
		"TroubleFirst": {
			reason: "Trouble may come before anything is known, and again after all was well.",
			events: []event{
				{after: 0, trouble: errors.New("one")},
				{after: 1, trouble: errors.New("two")},
				{after: 2, state: state(cluster.PhasePending, 0, "")},
				{after: 3, trouble: errors.New("two")},
			},
			want: `    0s  trying again: one
    0s  trying again: two
    0s  Pending
    0s  trying again: two
`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			now := created()
			out := &bytes.Buffer{}
			l := NewLines(out, func() time.Time { return now })

			tell(&now, l, tc.events, func() {})
			l.Close()

			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s\nLines: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	out := &bytes.Buffer{}
	r := NewRecords(out)
	now := created()

	tell(&now, r, []event{
		{state: state(cluster.PhasePending, 0, "app.ci")},
		{state: state(cluster.PhasePending, 0, "app.ci")},
		{trouble: errors.New("trouble")},
		{state: failed(time.Hour)},
	}, func() {})
	r.Close()

	want := `{"name":"demo","namespace":"","uid":"","created":"2026-01-02T03:00:00Z","phase":"Pending","since":"2026-01-02T03:00:00Z","ready":false,"waitingFor":"app.ci"}
{"name":"demo","namespace":"","uid":"","created":"2026-01-02T03:00:00Z","phase":"Failed","since":"2026-01-02T04:00:00Z","ready":false,"failure":{"condition":"","reason":"ProwJobFailure","message":"prowjob state:\nfailure"},"prowJobURL":"` + life.ProwJobURL + `"}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("Each state that differs is an object on a line.\nRecords: -want, +got:\n%s", diff)
	}
}
