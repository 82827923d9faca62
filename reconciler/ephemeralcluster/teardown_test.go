package ephemeralcluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestTearDown(t *testing.T) {
	runPasses(t, map[string]passCase{
		"TearDownWithoutNamespace": {
			reason: "Until ci-operator has a namespace there is nobody to tell.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, tearDown, status(running(noNS))), newJob(state(prowv1.PendingState))}},
			want: passWant{
				status:    running(noNS, notTold("ci-operator NS not found")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"TooOldWithoutNamespace": {
			reason: "Why nobody can be told to tear down says why anybody is to be.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
				o:    []Option{WithMaxLifetime(30 * time.Second)},
			},
			want: passWant{
				status:    running(noNS, notTold("ci-operator NS not found; the cluster has reached its maximum lifetime of 30s")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"TooOldWhileScheduling": {
			reason: "A ProwJob that nobody has scheduled in all that time is not to install a cluster for nobody.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob()},
				o:    []Option{WithMaxLifetime(30 * time.Second)},
			},
			want: passWant{
				status: endedWith("aborted", "the cluster has reached its maximum lifetime of 30s"),
				jobs:   abortedWith("the cluster has reached its maximum lifetime of 30s", true),
			},
		},
		"TearDownUnreachable": {
			reason: "What was known of a cluster that cannot be watched is no answer.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, tearDown, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].health = outage },
			},
			want: passWant{
				status:    running(noNS, notTold(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				err:       outage,
			},
		},
		"TearDownFails": {
			reason: "A signal that cannot be written is tried again.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, tearDown, status(running(ready))), newJob(state(prowv1.PendingState))},
				set: func(h *harness) {
					inNamespace(h)
					h.farm["build01"].signalErr = outage
				},
			},
			want: passWant{
				status:    running(ready, notTold(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				err:       cmpopts.AnyError,
			},
		},
		"MaxLifetime": {
			reason: "A cluster that is too old is torn down unasked.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				o:    []Option{WithMaxLifetime(30 * time.Second)},
				set:  withKubeconfig,
			},
			want: passWant{
				status:    running(ready, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "the cluster has reached its maximum lifetime of 30s")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
	})
}

func TestRemove(t *testing.T) {
	runPasses(t, map[string]passCase{
		"DeletedBeforeItBegan": {
			reason: "Nothing was made that had to go first.",
			args:   passArgs{objs: []client.Object{newCluster(deleting)}},
			want:   passWant{status: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioning}},
		},
		"DeletedWithProwJobGone": {
			reason: "A finalizer without ProwJob holds nothing.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting)}},
			want:   passWant{status: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioning}},
		},
		"DeletedWhileScheduling": {
			reason: "A ProwJob without a pod is aborted for good.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob()}},
			want: passWant{
				status: endedWith("aborted", "EphemeralCluster being deleted: ci-operator NS not found"),
				jobs:   abortedWith("EphemeralCluster being deleted: ci-operator NS not found", true),
			},
		},
		"DeletedWithoutNamespace": {
			reason: "A ProwJob whose ci-operator has not begun is aborted, and Prow deletes its pod.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))}},
			want: passWant{
				status:    removing(running(noNS)),
				finalized: true,
				jobs:      abortedWith("EphemeralCluster being deleted: ci-operator NS not found", false),
			},
		},
		"DeletedWithNamespace": {
			reason: "A ProwJob whose ci-operator has begun is told to tear down.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  inNamespace,
			},
			want: passWant{
				status:    running(noNS, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "EphemeralCluster being deleted")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
		"DeletedWithUnseenNamespace": {
			reason: "Before aborting, the build cluster itself is asked.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set: func(h *harness) {
					h.farm["build01"].unseen = map[string][]string{jobName: {"ci-op-x"}}
				},
			},
			want: passWant{
				status:    running(noNS, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "EphemeralCluster being deleted")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
		"DeletedAfterTearDown": {
			reason: "The signal is not repeated.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, deleting, tearDown, status(running(ready, told))), newJob(state(prowv1.PendingState))},
				set:  inNamespace,
			},
			want: passWant{status: running(ready, told), finalized: true, jobs: jobIn(prowv1.PendingState)},
		},
		"DeletedWhileEnding": {
			reason: "A ProwJob is not aborted whose ci-operator had the signal, and has cleared up after itself.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting, status(running(ready, told))), newJob(state(prowv1.PendingState))}},
			want:   passWant{status: running(ready, told), finalized: true, jobs: jobIn(prowv1.PendingState)},
		},
		"DeletedWhileEndingUnreachable": {
			reason: "Who had the signal ends by itself, whether or not that can be seen.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(ready, told))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: passWant{status: running(ready, told), finalized: true, jobs: jobIn(prowv1.PendingState)},
		},
		"DeletedDuringOutage": {
			reason: "What cannot be reached is not given up.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: passWant{
				status:    removing(running(noNS, notTold(`build cluster "build01" is unavailable: connection refused`))),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				err:       cmpopts.AnyError,
			},
		},
		"DeletedOnUnknownBuildCluster": {
			reason: "What nobody can reach is aborted and let go.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(on("build99"), state(prowv1.PendingState))}},
			want: passWant{
				status: endedWith("aborted", `EphemeralCluster being deleted: no kubeconfig context is named after build cluster "build99"`),
				jobs:   abortedWith(`EphemeralCluster being deleted: no kubeconfig context is named after build cluster "build99"`, true),
			},
		},
		"DeletedAfterTheEnd": {
			reason: "A ProwJob that is over holds nothing.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.FailureState))}},
			want:   passWant{status: endedWith("failure", ""), jobs: jobIn(prowv1.FailureState)},
		},
	})
}
