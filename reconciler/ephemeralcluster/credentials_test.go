package ephemeralcluster

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

func TestServe(t *testing.T) {
	runPasses(t, map[string]passCase{
		"UnknownBuildCluster": {
			reason: "A ProwJob that nobody can reach is aborted, and its EphemeralCluster fails.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(on("build99"), state(prowv1.PendingState))}},
			want: passWant{
				status: endedWith("aborted", `Build client not found: no kubeconfig context is named after build cluster "build99"`),
				jobs:   abortedWith(`Build client not found: no kubeconfig context is named after build cluster "build99"`, true),
			},
		},
		"NotYetScheduled": {
			reason: "Until the dispatcher has picked a build cluster, the one in the ProwJob means nothing.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(on("build99"))}},
			want:   passWant{status: running(noNS), finalized: true, jobs: jobIn(prowv1.SchedulingState)},
		},
		"BuildClusterUnavailable": {
			reason: "An outage is told with the build cluster's name.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: passWant{
				status:    running(notReady(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"OutageWhileReady": {
			reason: "An outage does not take a cluster away from its user.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: passWant{
				status:    running(cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", `build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"OutageWhileUsed": {
			reason: "Who uses a cluster is told of an outage though the credentials are remembered.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState), readyAfter("ipi-aws", time.Hour))},
				set: func(h *harness) {
					withKubeconfig(h)
					h.farm["build01"].health = outage
				},
			},
			want: passWant{
				status:    running(cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", `build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"ContextGoneBeforeARestart": {
			reason: "A build cluster that served is not unknown to a process that has just begun.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(on("build99"), state(prowv1.PendingState))},
			},
			want: passWant{
				status:    running(cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", `build cluster "build99" is unavailable: its context is gone from the kubeconfig files`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"ContextGoneForLong": {
			reason: "It is once that process has had the time to see it come back.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(notReady(v1.MessageKubeconfigNotReady)))), newJob(on("build99"), state(prowv1.PendingState))},
				set:  func(h *harness) { h.began = testTime.Add(-buildfarm.RemovedFor) },
			},
			want: passWant{
				status: endedWith("aborted", `Build client not found: no kubeconfig context is named after build cluster "build99"`),
				jobs:   abortedWith(`Build client not found: no kubeconfig context is named after build cluster "build99"`, true),
			},
		},
		"CredentialsCannotBeKept": {
			reason: "A cluster that is in use stays ready while its Secret cannot be looked after.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				set: func(h *harness) {
					withKubeconfig(h)
					h.fail = func(_ string, o client.Object) error {
						if _, ok := o.(*corev1.Secret); ok {
							return kerrors.NewServiceUnavailable("busy")
						}

						return nil
					}
				},
			},
			want: passWant{
				status:    running(cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", "cannot keep the published credentials up to date: busy")),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
				err:       cmpopts.AnyError,
			},
		},
		"OutageSeenInCache": {
			reason: "What an unhealthy cluster does not show may still be there.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].health = outage },
			},
			want: passWant{
				status:    running(notReady(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"WatchesStarting": {
			reason: "A build cluster that was not looked at yet changes nothing.",
			args: passArgs{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = buildfarm.ErrNotYet },
			},
			want: passWant{status: running(ready), finalized: true, jobs: jobIn(prowv1.PendingState)},
		},
		"ForeignSecret": {
			reason: "A Secret of somebody else is neither overwritten nor pointed to.",
			args: passArgs{
				objs: []client.Object{
					newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState)),
					&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testKey.Namespace, Name: "ec-1-credentials"}},
				},
				set: withKubeconfig,
			},
			want: passWant{
				status:    running(notReady(`cannot publish credentials: Secret "ec-1-credentials": not owned by this EphemeralCluster, and in the way until it is deleted`)),
				finalized: true,
				jobs:      jobIn(prowv1.PendingState),
			},
		},
		"ProwJobFailed": {
			reason: "A failure says what Prow says.",
			args: passArgs{objs: []client.Object{
				newCluster(finalizer, status(running(noNS))),
				newJob(state(prowv1.FailureState), func(pj *prowv1.ProwJob) { pj.Status.Description = "Job failed." }),
			}},
			want: passWant{
				status: endedWith("failure", "Job failed."),
				jobs: map[string]prowv1.ProwJobStatus{jobName: {
					State: prowv1.FailureState, Description: "Job failed.", CompletionTime: &metav1.Time{Time: testTime},
				}},
			},
		},
		"ProwJobBeingAborted": {
			reason: "An aborted ProwJob is waited for until its pod is gone.",
			args: passArgs{objs: []client.Object{
				newCluster(finalizer, status(running(noNS))),
				newJob(func(pj *prowv1.ProwJob) { pj.Status.State = prowv1.AbortedState }),
			}},
			want: passWant{
				status:    running(noNS),
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{jobName: {State: prowv1.AbortedState}},
			},
		},
		"ProwJobVanished": {
			reason: "A ProwJob that somebody deleted is not made again.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, status(running(ready)))}},
			want: passWant{status: func() v1.EphemeralClusterStatus {
				st := endedWith("not found", "")
				st.SecretRef = "ec-1-credentials"

				return st
			}()},
		},
	})
}
