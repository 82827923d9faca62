package ephemeralcluster

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

func TestTypicalOf(t *testing.T) {
	minutes := func(ms ...int) []time.Duration {
		ds := make([]time.Duration, 0, len(ms))
		for _, m := range ms {
			ds = append(ds, time.Duration(m)*time.Minute)
		}

		return ds
	}

	cases := map[string]struct {
		reason string
		took   []time.Duration
		want   typical
	}{
		"None":   {reason: "Nothing is known without a cluster."},
		"Few":    {reason: "Two clusters may both be exceptions.", took: minutes(1, 2)},
		"Enough": {reason: "The order in which clusters were found does not matter.", took: minutes(50, 30, 40), want: typical{median: 40 * time.Minute, ninetieth: 50 * time.Minute, sufficient: true}},
		"Ten":    {reason: "One of ten may take longer.", took: minutes(10, 9, 8, 7, 6, 5, 4, 3, 2, 1), want: typical{median: 5 * time.Minute, ninetieth: 9 * time.Minute, sufficient: true}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := typicalOf(tc.took)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(typical{})); diff != "" {
				t.Errorf("%s\ntypicalOf(%v): -want, +got:\n%s", tc.reason, tc.took, diff)
			}
		})
	}
}

// earlier are ProwJobs of clusters that became ready, a day ago.
func earlier(workflow string, took ...time.Duration) []client.Object {
	objs := make([]client.Object, 0, len(took))
	for i, d := range took {
		objs = append(objs, newJob(named(workflow+"-"+strconv.Itoa(i)), state(prowv1.SuccessState), func(pj *prowv1.ProwJob) {
			pj.SetLabels(nil)
			pj.Status.StartTime = metav1.NewTime(testTime.Add(-24 * time.Hour))
			prowjob.MarkReady(pj, workflow, pj.Status.StartTime.Add(d))
		}))
	}

	return objs
}

// TestExpectation follows what a waiting EphemeralCluster says.
func TestExpectation(t *testing.T) {
	const m = time.Minute

	objs := slices.Concat(
		[]client.Object{newCluster()},
		earlier("ipi-aws", 38*m, 30*m, 52*m),
		earlier("ipi-gcp", 5*m, 6*m, 7*m),
		earlier("", 2*m, 3*m, 4*m),
	)
	expected := "; ipi-aws usually takes 38m (90% within 52m), started 12:00 UTC"
	message := func(h *harness) string { return h.get().Status.GetCondition(v1.ConditionClusterReady).Message }

	h := newHarness(t, objs)
	h.pass()

	if diff := cmp.Diff("ci-operator NS not found"+expected, message(h)); diff != "" {
		t.Errorf("The first message says what to expect: -want, +got:\n%s", diff)
	}

	h.prow(jobName, state(prowv1.PendingState))
	h.pass()

	// Other clusters become ready, and time passes.
	for _, o := range earlier("ipi-aws", time.Hour, 2*time.Hour, 3*time.Hour, 4*time.Hour) {
		o.SetName("later-" + o.GetName())

		if err := h.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}

	h.clock.Step(time.Hour)

	before := len(h.writes)
	h.pass()

	if diff := cmp.Diff([]string{}, h.writes[before:]); diff != "" {
		t.Errorf("Waiting costs no writes: -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff("ci-operator NS not found"+expected, message(h)); diff != "" {
		t.Errorf("What was said of a stage stays: -want, +got:\n%s", diff)
	}

	inNamespace(h)
	h.pass()

	if diff := cmp.Diff("kubeconfig not ready; ipi-aws usually takes 60m (90% within 4h), started 12:00 UTC", message(h)); diff != "" {
		t.Errorf("A new stage says anew what to expect: -want, +got:\n%s", diff)
	}

	h.farm["build01"].health = outage
	h.pass()

	if diff := cmp.Diff(outage.Error(), message(h)); diff != "" {
		t.Errorf("During an outage nothing is to be expected: -want, +got:\n%s", diff)
	}

	c := newHarness(t, append(objs[1:], newCluster(claim)))
	c.pass()

	if diff := cmp.Diff("ci-operator NS not found; a claimed cluster usually takes 3m (90% within 4m), started 12:00 UTC", message(c)); diff != "" {
		t.Errorf("A claimed cluster has no workflow: -want, +got:\n%s", diff)
	}
}

// TestRecordReady makes sure that a ProwJob is told once when its cluster was ready.
func TestRecordReady(t *testing.T) {
	at := func(d time.Duration) v1.EphemeralClusterStatus {
		st := running(ready)
		for i := range st.Conditions {
			st.Conditions[i].LastTransitionTime = metav1.NewTime(testTime.Add(-d))
		}

		return st
	}

	type want struct {
		annotation string
		writes     []string
	}

	cases := map[string]struct {
		reason string
		objs   []client.Object
		set    func(*harness)
		want   want
	}{
		"Becomes": {
			reason: "The pass that makes it ready notes it, after what clients wait for.",
			objs:   []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
			set:    withKubeconfig,
			want: want{annotation: "2026-07-01T12:00:00Z", writes: []string{
				"create *v1.Secret", "patch status *v1.EphemeralCluster", "patch *v1.ProwJob",
			}},
		},
		"Behind": {
			reason: "A cache that does not show the note yet is no reason to write it again.",
			objs:   []client.Object{newCluster(finalizer, status(at(time.Second))), newJob(state(prowv1.PendingState))},
		},
		"CutOff": {
			reason: "A note that was not written is written later.",
			objs:   []client.Object{newCluster(finalizer, status(at(time.Hour))), newJob(state(prowv1.PendingState))},
			want:   want{annotation: "2026-07-01T11:00:00Z", writes: []string{"patch *v1.ProwJob"}},
		},
		"Noted": {
			reason: "A note is not changed.",
			objs:   []client.Object{newCluster(finalizer, status(at(time.Hour))), newJob(state(prowv1.PendingState), readyAfter("ipi-aws", 0))},
			want:   want{annotation: "2026-07-01T12:00:00Z"},
		},
		"NotReady": {
			reason: "There is nothing to note before.",
			objs:   []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, tc.objs)
			if tc.set != nil {
				tc.set(h)
			}

			h.pass()

			got := want{annotation: h.job(jobName).GetAnnotations()[prowjob.AnnotationReadyAt], writes: h.writes}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nReconcile(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
