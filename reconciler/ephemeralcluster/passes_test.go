package ephemeralcluster

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// passCase is a state of the world, and what one pass must make of it.
type passCase struct {
	reason string
	args   passArgs
	want   passWant
}

type passArgs struct {
	objs []client.Object
	o    []Option
	set  func(*harness)
}

type passWant struct {
	status    v1.EphemeralClusterStatus
	gone      bool
	finalized bool
	jobs      map[string]prowv1.ProwJobStatus
	signalled []string
	err       error
}

func runPasses(t *testing.T, cases map[string]passCase) {
	t.Helper()

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, tc.args.objs, tc.args.o...)
			if tc.args.set != nil {
				tc.args.set(h)
			}

			_, err := h.try()
			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nReconcile(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			got := passWant{jobs: jobStatuses(t, h), signalled: h.farm["build01"].signalled, err: tc.want.err}
			if ec := h.get(); ec == nil {
				got.gone = true
			} else {
				got.status = ec.Status
				got.finalized = len(ec.GetFinalizers()) > 0 && ec.GetFinalizers()[0] == v1.Finalizer
			}

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(passWant{}), ignoreTimes, ignoreStart, cmpopts.EquateEmpty(), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nReconcile(...): -want, +got:\n%s", tc.reason, diff)
			}

			// A second pass over the same may only take the step that follows
			// ProwJobCreating=True, which is a status.
			before := len(h.writes)
			_, _ = h.try()

			for _, w := range h.writes[before:] {
				if !strings.HasPrefix(w, "patch status") {
					t.Errorf("%s\nReconcile(...) again: want nothing but a status written, got %s", tc.reason, w)
				}
			}
		})
	}
}

func refused(reason, message string) v1.EphemeralClusterStatus {
	return v1.EphemeralClusterStatus{
		Phase:      v1.PhaseFailed,
		Conditions: []v1.Condition{cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, reason, message)},
	}
}

func endedWith(state, description string) v1.EphemeralClusterStatus {
	st := running()
	st.Phase = v1.PhaseFailed
	message := "prowjob state: " + state

	readyMessage := message
	if description != "" {
		readyMessage += ": " + description
	}

	st.Conditions = append(st.Conditions,
		cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonProwJobFailure, readyMessage),
		cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobFailure, message))

	return st
}

func notReady(message string) v1.Condition {
	return cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, message)
}

func notTold(message string) v1.Condition {
	return cond(v1.ConditionTestCompleted, metav1.ConditionFalse, v1.ReasonCreateTestCompletedSecretFailure, message)
}

func inNamespace(h *harness) {
	h.farm["build01"].namespaces = map[string][]string{jobName: {"ci-op-x"}}
}

func withKubeconfig(h *harness) {
	inNamespace(h)
	h.farm["build01"].secrets = map[string][]byte{"ci-op-x/cluster-provisioning": []byte(canary)}
}

func removing(st v1.EphemeralClusterStatus) v1.EphemeralClusterStatus {
	st.Phase = v1.PhaseDeprovisioning

	return st
}

var outage = buildfarm.UnavailableError{Cluster: "build01", Reason: "connection refused"}

func jobIn(s prowv1.ProwJobState) map[string]prowv1.ProwJobStatus {
	pj := newJob(state(s))

	return map[string]prowv1.ProwJobStatus{jobName: pj.Status}
}

func abortedWith(description string, complete bool) map[string]prowv1.ProwJobStatus {
	st := prowv1.ProwJobStatus{State: prowv1.AbortedState, Description: description}
	if complete {
		st.CompletionTime = &metav1.Time{Time: testTime}
	}

	return map[string]prowv1.ProwJobStatus{jobName: st}
}

func jobStatuses(t *testing.T, h *harness) map[string]prowv1.ProwJobStatus {
	t.Helper()

	l := &prowv1.ProwJobList{}
	if err := h.Client.List(t.Context(), l); err != nil {
		t.Fatal(err)
	}

	got := map[string]prowv1.ProwJobStatus{}
	for _, pj := range l.Items {
		got[pj.GetName()] = pj.Status
	}

	return got
}
