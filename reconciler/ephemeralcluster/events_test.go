package ephemeralcluster

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestHappenings(t *testing.T) {
	failing := func(message string) v1.EphemeralClusterStatus {
		return v1.EphemeralClusterStatus{
			Phase:      v1.PhaseProvisioning,
			Conditions: []v1.Condition{cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonCIOperatorJobsGenerateFailure, message)},
		}
	}
	readyDuringOutage := cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", outage.Error())

	cases := map[string]struct {
		reason string
		old    v1.EphemeralClusterStatus
		now    v1.EphemeralClusterStatus
		want   []happening
	}{
		"Unchanged": {
			reason: "A status that stays the same tells nothing.",
			old:    running(ready, told),
			now:    running(ready, told),
		},
		"Created": {
			reason: "A ProwJob is told of once.",
			now:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
			want:   []happening{normal("ProwJobCreated", "ProwJob "+jobName+" provisions the cluster")},
		},
		"Known": {
			reason: "The step that follows says nothing new.",
			old:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
			now:    running(noNS),
		},
		"Stage": {
			reason: "The stages of provisioning are for the condition to show.",
			old:    running(noNS),
			now:    running(notReady("kubeconfig not ready")),
		},
		"Refused": {
			reason: "A refusal is told with its reason.",
			now:    refused(v1.ReasonValidationFailure, "no"),
			want:   []happening{warning("EphemeralClusterValidationFailure", "no")},
		},
		"NotCreated": {
			reason: "So is what only a retry changes.",
			now:    failing("x"),
			want:   []happening{warning("CIOperatorJobsGenerateFailure", "x")},
		},
		"NotCreatedAgain": {
			reason: "The same failure is not told again.",
			old:    failing("x"),
			now:    failing("x"),
		},
		"Published": {
			reason: "Credentials are told of, and where they are.",
			old:    running(noNS),
			now:    running(ready),
			want:   []happening{normal("CredentialsPublished", "the cluster can be used with the credentials in Secret ec-1-credentials")},
		},
		"NotPublished": {
			reason: "A name that is taken is told of.",
			old:    running(noNS),
			now:    running(notReady(messageNotPublished + "x")),
			want:   []happening{warning("SecretsFetchFailure", "cannot publish credentials: x")},
		},
		"Told": {
			reason: "The signal is told of.",
			old:    running(ready),
			now:    running(ready, told),
			want:   []happening{normal("TearDownSignalled", "ProwJob "+jobName+" is told to destroy the cluster")},
		},
		"ToldUnasked": {
			reason: "A signal that nobody asked for is told with its cause.",
			old:    running(ready),
			now:    running(ready, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "too old")),
			want:   []happening{normal("TearDownSignalled", "ProwJob "+jobName+" is told to destroy the cluster: too old")},
		},
		"Outage": {
			reason: "An outage is told with the build cluster and the cause.",
			old:    running(ready),
			now:    running(readyDuringOutage),
			want:   []happening{warning("BuildClusterUnavailable", `build cluster "build01" is unavailable: connection refused`)},
		},
		"OutageElsewhere": {
			reason: "An outage that shows in another place too is no other.",
			old:    running(readyDuringOutage),
			now:    running(readyDuringOutage, notTold(outage.Error())),
		},
		"Recovery": {
			reason: "The end of an outage is told.",
			old:    running(readyDuringOutage),
			now:    running(ready),
			want:   []happening{normal("BuildClusterAvailable", "the build cluster can be reached again")},
		},
		"EndDuringOutage": {
			reason: "The end of the ProwJob is not the end of an outage.",
			old:    running(readyDuringOutage),
			now:    endedWith("failure", "Pod got deleted."),
			want:   []happening{warning("ProwJobFailure", "prowjob state: failure: Pod got deleted.")},
		},
		"Deprovisioned": {
			reason: "The good end.",
			old:    running(ready, told),
			now: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioned, ProwJobID: jobName, Conditions: []v1.Condition{
				created, told, cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, "prowjob state: success"),
			}},
			want: []happening{normal("Deprovisioned", "the cluster is gone")},
		},
		"Unneeded": {
			reason: "The end of what never began.",
			now: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioned, Conditions: []v1.Condition{
				cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, "torn down before a ProwJob was created"),
			}},
			want: []happening{normal("Deprovisioned", "torn down before a ProwJob was created")},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := happenings(&tc.old, &tc.now)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(happening{})); diff != "" {
				t.Errorf("%s\nhappenings(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestTold makes sure that what does not show in the status is told too.
func TestTold(t *testing.T) {
	pending := newJob(state(prowv1.PendingState))

	cases := map[string]struct {
		reason string
		objs   []client.Object
		set    func(*harness)
		want   []string
	}{
		"Refreshed": {
			reason: "Credentials that change are told of.",
			objs:   []client.Object{newCluster(finalizer, status(running(noNS))), pending},
			set: func(h *harness) {
				withKubeconfig(h)
				h.pass()
				h.recorder.events = nil
				h.farm["build01"].secrets["ci-op-x/cluster-provisioning"] = []byte("rotated")
			},
			want: []string{"Normal CredentialsRefreshed: the credentials in Secret ec-1-credentials have changed"},
		},
		"Aborted": {
			reason: "A ProwJob is aborted on deletion.",
			objs:   []client.Object{newCluster(finalizer, deleting, status(running(noNS))), pending},
			want:   []string{"Normal ProwJobAborted: aborted ProwJob " + jobName + ": EphemeralCluster being deleted: ci-operator NS not found"},
		},
		"AbortedUnreachable": {
			reason: "A ProwJob is aborted where nobody can reach it.",
			objs:   []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState), on("build99"))},
			want: []string{
				`Warning ProwJobAborted: aborted ProwJob ` + jobName + `: Build client not found: no kubeconfig context is named after build cluster "build99"`,
				`Warning ProwJobFailure: prowjob state: aborted: Build client not found: no kubeconfig context is named after build cluster "build99"`,
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, tc.objs)
			if tc.set != nil {
				tc.set(h)
			}

			for range 3 {
				h.pass()
			}

			if diff := cmp.Diff(tc.want, h.recorder.events); diff != "" {
				t.Errorf("%s\nevents: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestShorten(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   string
	}{
		"Short": {reason: "What fits stays.", text: "abcd", want: "abcd"},
		"Long":  {reason: "What does not fit goes.", text: "abcde", want: "abcd"},
		"Rune":  {reason: "A character that fits in part goes as a whole.", text: "abc€", want: "abc"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := shorten(tc.text, 4); got != tc.want {
				t.Errorf("%s\nshorten(%q, 4): want %q, got %q", tc.reason, tc.text, tc.want, got)
			}
		})
	}
}

// TestLongWords makes sure that no text of others makes an object that an API server
// refuses.
func TestLongWords(t *testing.T) {
	long := strings.Repeat("é", 3000) + "x"
	h := newHarness(t, []client.Object{newCluster(func(ec *v1.EphemeralCluster) {
		ec.Annotations[v1.AnnotationKonfluxTenant] = "t" + long
	})})
	h.pass()

	m := h.get().Status.GetCondition(v1.ConditionProwJobCreating).Message
	if len(m) > messageLimit || !utf8.ValidString(m) {
		t.Errorf("want a message of at most %d bytes and whole characters, got %d bytes", messageLimit, len(m))
	}

	for _, e := range h.recorder.events {
		if note := strings.SplitN(e, ": ", 2)[1]; len(note) > noteLimit || !utf8.ValidString(note) {
			t.Errorf("want a note of at most %d bytes and whole characters, got %d bytes", noteLimit, len(note))
		}
	}
}
