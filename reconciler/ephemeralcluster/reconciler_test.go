package ephemeralcluster

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

func TestReconcile(t *testing.T) {
	failed := func(reason, message string) v1.EphemeralClusterStatus {
		return v1.EphemeralClusterStatus{
			Phase:      v1.PhaseFailed,
			Conditions: []v1.Condition{cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, reason, message)},
		}
	}
	ended := func(state, description string, conditions ...v1.Condition) v1.EphemeralClusterStatus {
		st := running()
		st.Phase = v1.PhaseFailed
		message := "prowjob state: " + state

		readyMessage := message
		if description != "" {
			readyMessage += ": " + description
		}

		st.Conditions = append(st.Conditions, cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonProwJobFailure, readyMessage))
		st.Conditions = append(st.Conditions, conditions...)
		st.Conditions = append(st.Conditions, cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobFailure, message))

		return st
	}
	notReady := func(message string) v1.Condition {
		return cond(v1.ConditionClusterReady, metav1.ConditionFalse, v1.ReasonSecretsFetchFailure, message)
	}
	notTold := func(message string) v1.Condition {
		return cond(v1.ConditionTestCompleted, metav1.ConditionFalse, v1.ReasonCreateTestCompletedSecretFailure, message)
	}
	inNamespace := func(h *harness) {
		h.farm["build01"].namespaces = map[string][]string{jobName: {"ci-op-x"}}
	}
	withKubeconfig := func(h *harness) {
		inNamespace(h)
		h.farm["build01"].secrets = map[string][]byte{"ci-op-x/cluster-provisioning": []byte(canary)}
	}
	removing := func(st v1.EphemeralClusterStatus) v1.EphemeralClusterStatus {
		st.Phase = v1.PhaseDeprovisioning

		return st
	}
	outage := buildfarm.UnavailableError{Cluster: "build01", Reason: "connection refused"}

	type args struct {
		objs []client.Object
		o    []Option
		set  func(*harness)
	}

	type want struct {
		status    v1.EphemeralClusterStatus
		gone      bool
		finalized bool
		jobs      map[string]prowv1.ProwJobStatus
		signalled []string
		err       error
	}

	job := func(s prowv1.ProwJobState) map[string]prowv1.ProwJobStatus {
		pj := newJob(state(s))

		return map[string]prowv1.ProwJobStatus{jobName: pj.Status}
	}
	aborted := func(description string, complete bool) map[string]prowv1.ProwJobStatus {
		st := prowv1.ProwJobStatus{State: prowv1.AbortedState, Description: description}
		if complete {
			st.CompletionTime = &metav1.Time{Time: testTime}
		}

		return map[string]prowv1.ProwJobStatus{jobName: st}
	}

	cases := map[string]struct {
		reason string
		args   args
		want   want
	}{
		"NoProfile": {
			reason: "A cluster needs a profile or a claim.",
			args:   args{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Test.ClusterProfile = "" })}},
			want:   want{status: failed(v1.ReasonValidationFailure, "spec.ciOperator.test.clusterProfile is not set: name a cluster profile, or set clusterClaim")},
		},
		"UnknownProfile": {
			reason: "The profile must exist.",
			args:   args{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Test.ClusterProfile = "moon" })}},
			want:   want{status: failed(v1.ReasonValidationFailure, `cluster profile "moon" does not exist`)},
		},
		"NotAnOwner": {
			reason: "The tenant must be among the profile's owners.",
			args: args{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) {
				ec.Annotations[v1.AnnotationKonfluxTenant] = "team-b"
			})}},
			want: want{status: failed(v1.ReasonValidationFailure, `tenant "team-b" on Konflux cluster "stone-prd-rh01" is not among the owners of cluster profile "aws": ask its owners to be added, or choose another`)},
		},
		"PrivilegedTenant": {
			reason: "A privileged tenant may use every profile.",
			args: args{
				objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Annotations[v1.AnnotationKonfluxTenant] = "admin" })},
				o:    []Option{WithPrivilegedTenants("admin")},
			},
			want: want{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      job(prowv1.SchedulingState),
			},
		},
		"NothingToInstall": {
			reason: "What no retry can change is final.",
			args: args{
				objs: []client.Object{newCluster()},
				set:  func(h *harness) { h.jobs.err = prowjob.InvalidError{Err: errBoom} },
			},
			want: want{status: failed(v1.ReasonCIOperatorJobsGenerateFailure, "boom")},
		},
		"ProwConfigBroken": {
			reason: "What a retry may change is not final.",
			args: args{
				objs: []client.Object{newCluster()},
				set:  func(h *harness) { h.jobs.err = errBoom },
			},
			want: want{
				status: v1.EphemeralClusterStatus{
					Phase:      v1.PhaseProvisioning,
					Conditions: []v1.Condition{cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonCIOperatorJobsGenerateFailure, "boom")},
				},
				err: errBoom,
			},
		},
		"Adopted": {
			reason: "A ProwJob that carries the name is taken, and protected.",
			args:   args{objs: []client.Object{newCluster(), newJob(named("theirs"), state(prowv1.PendingState))}},
			want: want{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: "theirs", Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{"theirs": {State: prowv1.PendingState}},
			},
		},
		"TooManyProwJobs": {
			reason: "Of two ProwJobs neither can be told to be the one.",
			args:   args{objs: []client.Object{newCluster(), newJob(named("a"), state(prowv1.PendingState)), newJob(named("b"), state(prowv1.PendingState))}},
			want: want{
				status: failed(v1.ReasonTooManyProwJobsBound, "Too many ProwJobs bound, this is a bug"),
				jobs:   map[string]prowv1.ProwJobStatus{"a": {State: prowv1.PendingState}, "b": {State: prowv1.PendingState}},
			},
		},
		"EarlierOneOfTheSameName": {
			reason: "A ProwJob of an earlier EphemeralCluster is not taken, but ended.",
			args: args{
				objs: []client.Object{newCluster(), newJob(named("earlier"), uid("other"), state(prowv1.PendingState))},
				set: func(h *harness) {
					h.farm["build01"].namespaces = map[string][]string{"earlier": {"ci-op-earlier"}}
				},
			},
			want: want{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{jobName: {State: prowv1.SchedulingState}, "earlier": {State: prowv1.PendingState}},
				signalled: []string{"ci-op-earlier"},
			},
		},
		"TornDownBeforeItBegan": {
			reason: "Nothing is provisioned only to be destroyed.",
			args:   args{objs: []client.Object{newCluster(tearDown)}},
			want: want{status: v1.EphemeralClusterStatus{
				Phase:      v1.PhaseDeprovisioned,
				Conditions: []v1.Condition{cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, "torn down before a ProwJob was created")},
			}},
		},
		"TornDownAfterRefusal": {
			reason: "The pipeline that asks for tear-down waits for the ProwJob's end, even if there was none.",
			args:   args{objs: []client.Object{newCluster(tearDown, status(failed(v1.ReasonValidationFailure, "no")))}},
			want: want{status: v1.EphemeralClusterStatus{
				Phase: v1.PhaseFailed,
				Conditions: []v1.Condition{
					cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonValidationFailure, "no"),
					cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobFailure, "no ProwJob was created"),
				},
			}},
		},
		"RefusalIsFinal": {
			reason: "A request that was refused is not reconsidered, nor is its finalizer kept.",
			args:   args{objs: []client.Object{newCluster(finalizer, status(failed(v1.ReasonValidationFailure, "no")))}},
			want:   want{status: failed(v1.ReasonValidationFailure, "no")},
		},
		"UnknownBuildCluster": {
			reason: "A ProwJob that nobody can reach is aborted, and its EphemeralCluster fails.",
			args:   args{objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(on("build99"), state(prowv1.PendingState))}},
			want: want{
				status: ended("aborted", `Build client not found: no kubeconfig context is named after build cluster "build99"`),
				jobs:   aborted(`Build client not found: no kubeconfig context is named after build cluster "build99"`, true),
			},
		},
		"NotYetScheduled": {
			reason: "Until the dispatcher has picked a build cluster, the one in the ProwJob means nothing.",
			args:   args{objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(on("build99"))}},
			want:   want{status: running(noNS), finalized: true, jobs: job(prowv1.SchedulingState)},
		},
		"BuildClusterUnavailable": {
			reason: "An outage is told with the build cluster's name.",
			args: args{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: want{
				status:    running(notReady(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      job(prowv1.PendingState),
			},
		},
		"OutageWhileReady": {
			reason: "An outage does not take a cluster away from its user.",
			args: args{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: want{
				status:    running(cond(v1.ConditionClusterReady, metav1.ConditionTrue, "", `build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      job(prowv1.PendingState),
			},
		},
		"OutageSeenInCache": {
			reason: "What an unhealthy cluster does not show may still be there.",
			args: args{
				objs: []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].health = outage },
			},
			want: want{
				status:    running(notReady(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      job(prowv1.PendingState),
			},
		},
		"WatchesStarting": {
			reason: "A build cluster that was not looked at yet changes nothing.",
			args: args{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = buildfarm.ErrNotYet },
			},
			want: want{status: running(ready), finalized: true, jobs: job(prowv1.PendingState)},
		},
		"ForeignSecret": {
			reason: "A Secret of somebody else is neither overwritten nor pointed to.",
			args: args{
				objs: []client.Object{
					newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState)),
					&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testKey.Namespace, Name: "ec-1-credentials"}},
				},
				set: withKubeconfig,
			},
			want: want{
				status:    running(notReady(`Secret "ec-1-credentials": not owned by this EphemeralCluster`)),
				finalized: true,
				jobs:      job(prowv1.PendingState),
			},
		},
		"ProwJobFailed": {
			reason: "A failure says what Prow says.",
			args: args{objs: []client.Object{
				newCluster(finalizer, status(running(noNS))),
				newJob(state(prowv1.FailureState), func(pj *prowv1.ProwJob) { pj.Status.Description = "Job failed." }),
			}},
			want: want{
				status: ended("failure", "Job failed."),
				jobs: map[string]prowv1.ProwJobStatus{jobName: {
					State: prowv1.FailureState, Description: "Job failed.", CompletionTime: &metav1.Time{Time: testTime},
				}},
			},
		},
		"ProwJobBeingAborted": {
			reason: "An aborted ProwJob is waited for until its pod is gone.",
			args: args{objs: []client.Object{
				newCluster(finalizer, status(running(noNS))),
				newJob(func(pj *prowv1.ProwJob) { pj.Status.State = prowv1.AbortedState }),
			}},
			want: want{
				status:    running(noNS),
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{jobName: {State: prowv1.AbortedState}},
			},
		},
		"ProwJobVanished": {
			reason: "A ProwJob that somebody deleted is not made again.",
			args:   args{objs: []client.Object{newCluster(finalizer, status(running(ready)))}},
			want: want{status: func() v1.EphemeralClusterStatus {
				st := ended("not found", "")
				st.SecretRef = "ec-1-credentials"

				return st
			}()},
		},
		"TearDownWithoutNamespace": {
			reason: "Until ci-operator has a namespace there is nobody to tell.",
			args:   args{objs: []client.Object{newCluster(finalizer, tearDown, status(running(noNS))), newJob(state(prowv1.PendingState))}},
			want: want{
				status:    running(noNS, notTold("ci-operator NS not found")),
				finalized: true,
				jobs:      job(prowv1.PendingState),
			},
		},
		"TearDownFails": {
			reason: "A signal that cannot be written is tried again.",
			args: args{
				objs: []client.Object{newCluster(finalizer, tearDown, status(running(ready))), newJob(state(prowv1.PendingState))},
				set: func(h *harness) {
					inNamespace(h)
					h.farm["build01"].signalErr = outage
				},
			},
			want: want{
				status:    running(ready, notTold(`build cluster "build01" is unavailable: connection refused`)),
				finalized: true,
				jobs:      job(prowv1.PendingState),
				err:       cmpopts.AnyError,
			},
		},
		"MaxLifetime": {
			reason: "A cluster that is too old is torn down unasked.",
			args: args{
				objs: []client.Object{newCluster(finalizer, status(running(ready))), newJob(state(prowv1.PendingState))},
				o:    []Option{WithMaxLifetime(30 * time.Second)},
				set:  withKubeconfig,
			},
			want: want{
				status:    running(ready, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "the cluster has reached its maximum lifetime of 30s")),
				finalized: true,
				jobs:      job(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
		"DeletedBeforeItBegan": {
			reason: "Nothing was made that had to go first.",
			args:   args{objs: []client.Object{newCluster(deleting)}},
			want:   want{status: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioning}},
		},
		"DeletedWithProwJobGone": {
			reason: "A finalizer without ProwJob holds nothing.",
			args:   args{objs: []client.Object{newCluster(finalizer, deleting)}},
			want:   want{status: v1.EphemeralClusterStatus{Phase: v1.PhaseDeprovisioning}},
		},
		"DeletedWhileScheduling": {
			reason: "A ProwJob without a pod is aborted for good.",
			args:   args{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob()}},
			want: want{
				status: ended("aborted", "EphemeralCluster being deleted: ci-operator NS not found"),
				jobs:   aborted("EphemeralCluster being deleted: ci-operator NS not found", true),
			},
		},
		"DeletedWithoutNamespace": {
			reason: "A ProwJob whose ci-operator has not begun is aborted, and Prow deletes its pod.",
			args:   args{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))}},
			want: want{
				status:    removing(running(noNS)),
				finalized: true,
				jobs:      aborted("EphemeralCluster being deleted: ci-operator NS not found", false),
			},
		},
		"DeletedWithNamespace": {
			reason: "A ProwJob whose ci-operator has begun is told to tear down.",
			args: args{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  inNamespace,
			},
			want: want{
				status:    running(noNS, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "EphemeralCluster being deleted")),
				finalized: true,
				jobs:      job(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
		"DeletedWithUnseenNamespace": {
			reason: "Before aborting, the build cluster itself is asked.",
			args: args{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set: func(h *harness) {
					h.farm["build01"].unseen = map[string][]string{jobName: {"ci-op-x"}}
				},
			},
			want: want{
				status:    running(noNS, cond(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "EphemeralCluster being deleted")),
				finalized: true,
				jobs:      job(prowv1.PendingState),
				signalled: []string{"ci-op-x"},
			},
		},
		"DeletedAfterTearDown": {
			reason: "The signal is not repeated.",
			args: args{
				objs: []client.Object{newCluster(finalizer, deleting, tearDown, status(running(ready, told))), newJob(state(prowv1.PendingState))},
				set:  inNamespace,
			},
			want: want{status: running(ready, told), finalized: true, jobs: job(prowv1.PendingState)},
		},
		"DeletedDuringOutage": {
			reason: "What cannot be reached is not given up.",
			args: args{
				objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.PendingState))},
				set:  func(h *harness) { h.farm["build01"].err = outage },
			},
			want: want{
				status:    removing(running(noNS, notTold(`build cluster "build01" is unavailable: connection refused`))),
				finalized: true,
				jobs:      job(prowv1.PendingState),
				err:       cmpopts.AnyError,
			},
		},
		"DeletedOnUnknownBuildCluster": {
			reason: "What nobody can reach is aborted and let go.",
			args:   args{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(on("build99"), state(prowv1.PendingState))}},
			want: want{
				status: ended("aborted", `EphemeralCluster being deleted: no kubeconfig context is named after build cluster "build99"`),
				jobs:   aborted(`EphemeralCluster being deleted: no kubeconfig context is named after build cluster "build99"`, true),
			},
		},
		"DeletedAfterTheEnd": {
			reason: "A ProwJob that is over holds nothing.",
			args:   args{objs: []client.Object{newCluster(finalizer, deleting, status(running(noNS))), newJob(state(prowv1.FailureState))}},
			want:   want{status: ended("failure", ""), jobs: job(prowv1.FailureState)},
		},
		"Orphan": {
			reason: "A ProwJob without EphemeralCluster is told to tear down.",
			args:   args{objs: []client.Object{newJob(state(prowv1.PendingState))}, set: inNamespace},
			want:   want{gone: true, jobs: job(prowv1.PendingState), signalled: []string{"ci-op-x"}},
		},
		"OrphanWithoutNamespace": {
			reason: "A ProwJob without EphemeralCluster and without namespace is aborted.",
			args:   args{objs: []client.Object{newJob()}},
			want:   want{gone: true, jobs: aborted("Ephemeral Cluster not found", true)},
		},
		"OrphanOnUnknownBuildCluster": {
			reason: "A ProwJob without EphemeralCluster on an unknown build cluster is left alone.",
			args:   args{objs: []client.Object{newJob(on("build99"), state(prowv1.PendingState))}},
			want:   want{gone: true, jobs: job(prowv1.PendingState)},
		},
		"OrphanThatEnded": {
			reason: "A ProwJob that is over is left alone.",
			args:   args{objs: []client.Object{newJob(state(prowv1.SuccessState))}},
			want:   want{gone: true, jobs: job(prowv1.SuccessState)},
		},
	}

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

			got := want{jobs: jobStatuses(t, h), signalled: h.farm["build01"].signalled, err: tc.want.err}
			if ec := h.get(); ec == nil {
				got.gone = true
			} else {
				got.status = ec.Status
				got.finalized = len(ec.GetFinalizers()) > 0 && ec.GetFinalizers()[0] == v1.Finalizer
			}

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{}), ignoreTimes, cmpopts.EquateEmpty(), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nReconcile(...): -want, +got:\n%s", tc.reason, diff)
			}

			// A second pass over the same must find nothing to do.
			before := len(h.writes)
			if _, err := h.try(); err == nil && tc.want.err == nil && name != "TornDownAfterRefusal" {
				after := h.writes[before:]
				for _, w := range after {
					// The step that follows ProwJobCreating=True is its own.
					if !strings.Contains(w, "patch status") {
						t.Errorf("%s\nwant no write in a second pass, got %v", tc.reason, errors.New(w))
					}
				}
			}
		})
	}
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
