package ephemeralcluster

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

var (
	ignoreTimes = cmpopts.IgnoreFields(v1.Condition{}, "LastTransitionTime")
	ignoreStart = cmpopts.IgnoreFields(prowv1.ProwJobStatus{}, "StartTime")
)

// step is something that happens to a cluster, and the status that must follow.
type step struct {
	what string
	do   func(*harness)
	want v1.EphemeralClusterStatus
}

func TestLifecycle(t *testing.T) {
	secret := func(name string, value string) func(*harness) {
		return func(h *harness) {
			c := h.farm["build01"]
			if c.secrets == nil {
				c.secrets = map[string][]byte{}
			}

			c.secrets["ci-op-x/"+name] = []byte(value)
			c.since = h.clock.Now().Add(-200 * time.Millisecond)
		}
	}
	namespace := func(h *harness) { h.farm["build01"].namespaces = map[string][]string{jobName: {"ci-op-x"}} }
	prow := func(mods ...func(*prowv1.ProwJob)) func(*harness) {
		return func(h *harness) { h.prow(jobName, mods...) }
	}
	waiting := func(message string) v1.Condition {
		return cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, message)
	}
	const u = "https://prow.example.com/1"

	with := func(st v1.EphemeralClusterStatus, url string) v1.EphemeralClusterStatus {
		st.ProwJobURL = url

		return st
	}
	over := v1.EphemeralClusterStatus{
		Phase:      v1.PhaseDeprovisioned,
		ProwJobID:  jobName,
		ProwJobURL: u,
		SecretRef:  "ec-1-credentials",
		Conditions: []v1.Condition{
			created,
			cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonProwJobCompleted, "prowjob state: success"),
			told,
			cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, "prowjob state: success"),
		},
	}
	begin := []step{
		{
			what: "ItBegins",
			do:   func(*harness) {},
			want: v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
		},
		{
			what: "TheProwJobIsKnown",
			do:   func(*harness) {},
			want: running(noNS),
		},
		{
			what: "ProwRunsIt",
			do:   prow(state(prowv1.PendingState), url(u)),
			want: with(running(noNS), u),
		},
	}
	end := []step{
		{
			what: "TimePasses",
			do:   func(h *harness) { h.clock.Step(time.Hour) },
			want: with(running(ready), u),
		},
		{
			what: "TearDownIsAskedFor",
			do:   func(h *harness) { h.user(tearDown); h.clock.Step(time.Minute) },
			want: with(running(ready, told), u),
		},
		{
			what: "DeprovisioningGoesOn",
			do:   func(h *harness) { h.clock.Step(10 * time.Minute) },
			want: with(running(ready, told), u),
		},
		{
			what: "TheProwJobEnds",
			do:   prow(state(prowv1.SuccessState)),
			want: over,
		},
		{
			what: "NothingMoreHappens",
			do:   func(h *harness) { h.clock.Step(time.Hour) },
			want: over,
		},
	}

	type want struct {
		secret    map[string][]byte
		writes    int
		durations []string
		events    []string
	}

	cases := map[string]struct {
		reason string
		ec     *v1.EphemeralCluster
		steps  []step
		want   want
	}{
		"ClusterProfile": {
			reason: "A cluster with a profile becomes ready with its kubeconfig.",
			ec:     newCluster(),
			steps: append(append(append([]step{}, begin...),
				step{what: "TheNamespaceAppears", do: namespace, want: with(running(waiting("kubeconfig not ready")), u)},
				step{what: "TheKubeconfigAppears", do: func(h *harness) {
					h.clock.Step(30 * time.Minute)
					secret("cluster-provisioning", canary)(h)
				}, want: with(running(ready), u)},
			), end...),
			want: want{
				secret: map[string][]byte{"kubeconfig": []byte(canary), "kubeAdminPassword": {}},
				// Finalizer twice, ProwJob twice, Secret, and a status for each of
				// the seven steps that changed one.
				writes:    12,
				durations: []string{"provisioned ipi-aws 31m0s", "published 200ms", "deprovisioned ipi-aws 10m0s"},
				events: []string{
					"Normal ProwJobCreated: ProwJob " + jobName + " provisions the cluster",
					"Normal CredentialsPublished: the cluster can be used with the credentials in Secret ec-1-credentials",
					"Normal TearDownSignalled: ProwJob " + jobName + " is told to destroy the cluster",
					"Normal Deprovisioned: the cluster is gone",
				},
			},
		},
		"ClusterClaim": {
			reason: "A claimed cluster becomes ready with both of Hive's Secrets.",
			ec:     newCluster(claim),
			steps: append(append(append([]step{}, begin...),
				step{what: "TheNamespaceAppears", do: namespace, want: with(running(waiting("hive secrets not ready")), u)},
				step{what: "TheKubeconfigAppears", do: secret("cluster-provisioning-hive-admin-kubeconfig", canary), want: with(running(waiting("hive secrets not ready")), u)},
				step{what: "ThePasswordAppears", do: secret("cluster-provisioning-hive-admin-password", "pw"), want: with(running(ready), u)},
			), end...),
			want: want{
				secret:    map[string][]byte{"kubeconfig": []byte(canary), "kubeAdminPassword": []byte("pw")},
				writes:    12,
				durations: []string{"provisioned  1m0s", "published 200ms", "deprovisioned  10m0s"},
				events: []string{
					"Normal ProwJobCreated: ProwJob " + jobName + " provisions the cluster",
					"Normal CredentialsPublished: the cluster can be used with the credentials in Secret ec-1-credentials",
					"Normal TearDownSignalled: ProwJob " + jobName + " is told to destroy the cluster",
					"Normal Deprovisioned: the cluster is gone",
				},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, []client.Object{tc.ec})

			for _, s := range tc.steps {
				// What Prow and the requester write is not counted.
				before := len(h.writes)
				s.do(h)
				h.writes = h.writes[:before]

				h.pass()

				if diff := cmp.Diff(s.want, h.get().Status, ignoreTimes); diff != "" {
					t.Fatalf("%s\n%s: -want status, +got:\n%s", tc.reason, s.what, diff)
				}
			}

			if f := h.get().GetFinalizers(); len(f) > 0 {
				t.Errorf("%s\nwant no finalizer in the end, got %v", tc.reason, f)
			}

			if diff := cmp.Diff([]string{"ci-op-x"}, h.farm["build01"].signalled); diff != "" {
				t.Errorf("%s\nsignals: -want, +got:\n%s", tc.reason, diff)
			}

			sec := &corev1.Secret{}
			if err := h.Client.Get(t.Context(), types.NamespacedName{Namespace: testKey.Namespace, Name: "ec-1-credentials"}, sec); err != nil {
				t.Fatal(err)
			}

			got := want{secret: sec.Data, writes: len(h.writes), durations: h.recorder.durations, events: h.recorder.events}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\n-want, +got:\n%s\nwrites:\n%s", tc.reason, diff, strings.Join(h.writes, "\n"))
			}

			if !metav1.IsControlledBy(sec, h.get()) {
				t.Errorf("%s\nwant the Secret owned by the EphemeralCluster, got %v", tc.reason, sec.GetOwnerReferences())
			}

			b, err := json.Marshal(h.get())
			if err != nil {
				t.Fatal(err)
			}

			if strings.Contains(string(b), canary) {
				t.Errorf("%s\nwant no credentials in the EphemeralCluster, got %s", tc.reason, b)
			}
		})
	}
}

// TestTransitionTimes makes sure that times tell when a status changed, not when it
// was last looked at.
func TestTransitionTimes(t *testing.T) {
	h := newHarness(t, []client.Object{newCluster()})
	h.pass()

	first := h.get().Status.GetCondition(v1.ConditionClusterReady).LastTransitionTime

	h.farm["build01"].namespaces = map[string][]string{jobName: {"ci-op-x"}}
	h.prow(jobName, state(prowv1.PendingState))
	h.clock.Step(time.Hour)
	h.pass()

	c := h.get().Status.GetCondition(v1.ConditionClusterReady)
	if c.Message != v1.MessageKubeconfigNotReady || !c.LastTransitionTime.Equal(&first) {
		t.Errorf("want a new message and the time %s, got %q and %s", first, c.Message, c.LastTransitionTime)
	}

	c = h.get().Status.GetCondition(v1.ConditionProwJobCreating)
	if want := metav1.NewTime(testTime.Add(time.Hour)); !c.LastTransitionTime.Equal(&want) {
		t.Errorf("want the time of the change %s, got %s", want, c.LastTransitionTime)
	}
}

// TestInterrupted cuts a lifetime off before each of its writes, once per run, and
// makes sure that going on from there comes to the same end.
func TestInterrupted(t *testing.T) {
	live := func(t *testing.T, cut int) (*harness, int) {
		t.Helper()

		h := newHarness(t, []client.Object{newCluster()})
		writes := 0
		h.fail = func(string, client.Object) error {
			writes++
			if writes == cut {
				return errBoom
			}

			return nil
		}

		settle := func() {
			for range 4 {
				if _, err := h.try(); err != nil && !strings.Contains(err.Error(), errBoom.Error()) {
					t.Fatal(err)
				}
			}
		}
		uncounted := func(fn func()) {
			before, fail := writes, h.fail
			h.fail = func(string, client.Object) error { return nil }
			fn()
			h.fail, writes = fail, before
		}

		settle()
		uncounted(func() { h.prow(jobName, state(prowv1.PendingState)) })
		h.farm["build01"].namespaces = map[string][]string{jobName: {"ci-op-x"}}
		settle()
		h.farm["build01"].secrets = map[string][]byte{"ci-op-x/cluster-provisioning": []byte(canary)}
		settle()
		uncounted(func() { h.user(tearDown) })
		settle()
		uncounted(func() { h.prow(jobName, state(prowv1.SuccessState)) })
		settle()

		return h, writes
	}

	_, writes := live(t, 0)

	for cut := 1; cut <= writes; cut++ {
		h, _ := live(t, cut)

		ec := h.get()
		if ec.Status.Phase != v1.PhaseDeprovisioned || len(ec.GetFinalizers()) > 0 {
			t.Errorf("cut off before write %d of %d: want it deprovisioned without finalizer, got %s and %v", cut, writes, ec.Status.Phase, ec.GetFinalizers())
		}

		jobs := &prowv1.ProwJobList{}
		if err := h.Client.List(t.Context(), jobs); err != nil {
			t.Fatal(err)
		}

		if len(jobs.Items) != 1 {
			t.Errorf("cut off before write %d of %d: want one ProwJob, got %d", cut, writes, len(jobs.Items))
		}
	}
}
