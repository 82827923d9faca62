package ephemeralcluster

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

func TestCreate(t *testing.T) {
	runPasses(t, map[string]passCase{
		"NoProfile": {
			reason: "A cluster needs a profile or a claim.",
			args:   passArgs{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Test.ClusterProfile = "" })}},
			want:   passWant{status: refused(v1.ReasonValidationFailure, "spec.ciOperator.test.clusterProfile is not set: name a cluster profile, or set clusterClaim")},
		},
		"UnknownProfile": {
			reason: "The profile must exist.",
			args:   passArgs{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Test.ClusterProfile = "moon" })}},
			want:   passWant{status: refused(v1.ReasonValidationFailure, `cluster profile "moon" does not exist: choose one that does`)},
		},
		"NotAnOwner": {
			reason: "The tenant must be among the profile's owners.",
			args: passArgs{objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) {
				ec.Annotations[v1.AnnotationKonfluxTenant] = "team-b"
			})}},
			want: passWant{status: refused(v1.ReasonValidationFailure, `tenant "team-b" on Konflux cluster "stone-prd-rh01" is not among the owners of cluster profile "aws": ask its owners to be added, or choose another`)},
		},
		"ProfileAndClaim": {
			reason: "Who claims a cluster need not own a profile, so there must not be one.",
			args: passArgs{objs: []client.Object{newCluster(claim, func(ec *v1.EphemeralCluster) {
				ec.Annotations[v1.AnnotationKonfluxTenant] = "team-b"
				ec.Spec.CIOperator.Test.ClusterProfile = "aws"
			})}},
			want: passWant{status: refused(v1.ReasonValidationFailure, "spec.ciOperator.test has both clusterProfile and clusterClaim: set one of them")},
		},
		"RunAgain": {
			reason: "A ProwJob that somebody runs again makes a cluster that nobody gets, and is ended.",
			args: passArgs{
				objs: []client.Object{
					newCluster(finalizer, status(running(noNS))),
					newJob(uid(string(testUID)), state(prowv1.PendingState)),
					newJob(named("again"), uid(string(testUID)), state(prowv1.PendingState)),
				},
			},
			want: passWant{
				status:    running(noNS),
				finalized: true,
				jobs: map[string]prowv1.ProwJobStatus{
					jobName: jobIn(prowv1.PendingState)[jobName],
					"again": abortedWith("the EphemeralCluster has ProwJob \""+jobName+"\"", false)[jobName],
				},
			},
		},
		"RunAgainAfterFailure": {
			reason: "So is one that is run again because the first has failed.",
			args: passArgs{
				objs: []client.Object{
					newCluster(status(endedWith("failure", ""))),
					newJob(uid(string(testUID)), state(prowv1.FailureState)),
					newJob(named("again"), uid(string(testUID)), state(prowv1.PendingState)),
				},
				set: func(h *harness) {
					h.farm["build01"].namespaces = map[string][]string{"again": {"ci-op-again"}}
				},
			},
			want: passWant{
				status: endedWith("failure", ""),
				jobs: map[string]prowv1.ProwJobStatus{
					jobName: jobIn(prowv1.FailureState)[jobName],
					"again": {State: prowv1.PendingState},
				},
				signalled: []string{"ci-op-again"},
			},
		},
		"PrivilegedTenant": {
			reason: "A privileged tenant may use every profile.",
			args: passArgs{
				objs: []client.Object{newCluster(func(ec *v1.EphemeralCluster) { ec.Annotations[v1.AnnotationKonfluxTenant] = "admin" })},
				o:    []Option{WithPrivilegedTenants("admin")},
			},
			want: passWant{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      jobIn(prowv1.SchedulingState),
			},
		},
		"NothingToInstall": {
			reason: "What no retry can change is final.",
			args: passArgs{
				objs: []client.Object{newCluster()},
				set:  func(h *harness) { h.jobs.err = prowjob.InvalidError{Err: errBoom} },
			},
			want: passWant{status: refused(v1.ReasonCIOperatorJobsGenerateFailure, "boom")},
		},
		"ProwConfigBroken": {
			reason: "What a retry may change is not final.",
			args: passArgs{
				objs: []client.Object{newCluster()},
				set:  func(h *harness) { h.jobs.err = errBoom },
			},
			want: passWant{
				status: v1.EphemeralClusterStatus{
					Phase:      v1.PhaseProvisioning,
					Conditions: []v1.Condition{cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonCIOperatorJobsGenerateFailure, "boom")},
				},
				err: errBoom,
			},
		},
		"Adopted": {
			reason: "A ProwJob that carries the name is taken, and protected.",
			args:   passArgs{objs: []client.Object{newCluster(), newJob(named("theirs"), state(prowv1.PendingState))}},
			want: passWant{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: "theirs", Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{"theirs": {State: prowv1.PendingState}},
			},
		},
		"TooManyProwJobs": {
			reason: "Of two ProwJobs neither can be told to be the one.",
			args:   passArgs{objs: []client.Object{newCluster(), newJob(named("a"), state(prowv1.PendingState)), newJob(named("b"), state(prowv1.PendingState))}},
			want: passWant{
				status: refused(v1.ReasonTooManyProwJobsBound, "Too many ProwJobs bound, this is a bug"),
				jobs:   map[string]prowv1.ProwJobStatus{"a": {State: prowv1.PendingState}, "b": {State: prowv1.PendingState}},
			},
		},
		"EarlierOneOfTheSameName": {
			reason: "A ProwJob of an earlier EphemeralCluster is not taken, but ended.",
			args: passArgs{
				objs: []client.Object{newCluster(), newJob(named("earlier"), uid("other"), state(prowv1.PendingState))},
				set: func(h *harness) {
					h.farm["build01"].namespaces = map[string][]string{"earlier": {"ci-op-earlier"}}
				},
			},
			want: passWant{
				status:    v1.EphemeralClusterStatus{Phase: v1.PhaseProvisioning, ProwJobID: jobName, Conditions: []v1.Condition{creating, noNS}},
				finalized: true,
				jobs:      map[string]prowv1.ProwJobStatus{jobName: {State: prowv1.SchedulingState}, "earlier": {State: prowv1.PendingState}},
				signalled: []string{"ci-op-earlier"},
			},
		},
		"TornDownBeforeItBegan": {
			reason: "Nothing is provisioned only to be destroyed.",
			args:   passArgs{objs: []client.Object{newCluster(tearDown)}},
			want: passWant{status: v1.EphemeralClusterStatus{
				Phase:      v1.PhaseDeprovisioned,
				Conditions: []v1.Condition{cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted, "torn down before a ProwJob was created")},
			}},
		},
		"TooOldWithoutProwJob": {
			reason: "Of a cluster that nobody has torn down it is said why there is none.",
			args:   passArgs{objs: []client.Object{newCluster()}, o: []Option{WithMaxLifetime(30 * time.Second)}},
			want: passWant{status: v1.EphemeralClusterStatus{
				Phase: v1.PhaseDeprovisioned,
				Conditions: []v1.Condition{cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobCompleted,
					"torn down before a ProwJob was created; the cluster has reached its maximum lifetime of 30s")},
			}},
		},
		"TornDownRightAfterCreation": {
			reason: "A ProwJob that neither the status nor the cache knows yet is found before it is said that none is needed. Without its label it is in no list, as in a cache that is behind.",
			args:   passArgs{objs: []client.Object{newCluster(tearDown, finalizer), newJob(func(pj *prowv1.ProwJob) { pj.Labels = nil })}},
			want: passWant{
				status: v1.EphemeralClusterStatus{
					Phase:     v1.PhaseProvisioning,
					ProwJobID: jobName,
					Conditions: []v1.Condition{
						cond(v1.ConditionProwJobCreating, metav1.ConditionTrue, "", ""),
						notReady(v1.MessageNamespaceNotFound),
						notTold(v1.MessageNamespaceNotFound),
					},
				},
				finalized: true,
				jobs:      jobIn(prowv1.SchedulingState),
			},
		},
		"TornDownAfterRefusal": {
			reason: "The pipeline that asks for tear-down waits for the ProwJob's end, even if there was none.",
			args:   passArgs{objs: []client.Object{newCluster(tearDown, status(refused(v1.ReasonValidationFailure, "no")))}},
			want: passWant{status: v1.EphemeralClusterStatus{
				Phase: v1.PhaseFailed,
				Conditions: []v1.Condition{
					cond(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonValidationFailure, "no"),
					cond(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobFailure, "no ProwJob was created"),
				},
			}},
		},
		"RefusalIsFinal": {
			reason: "A request that was refused is not reconsidered, nor is its finalizer kept.",
			args:   passArgs{objs: []client.Object{newCluster(finalizer, status(refused(v1.ReasonValidationFailure, "no")))}},
			want:   passWant{status: refused(v1.ReasonValidationFailure, "no")},
		},
	})
}
