// Package life has what a claim says at each point of a cluster's life, for tests of
// what reads claims. It says what our function would, word for word.
package life

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// Words of app.ci.
const (
	ProwJobURL = "https://prow.ci.openshift.org/view/gs/test-platform-results/logs/ephemeralcluster-ci-run-1/1830"
	ProwJobID  = "0b5d4f3e-6a6b-4c8e-9d43-7b6f3b0c2a11"
	Usual      = "kubeconfig not ready; ipi-aws usually takes 38m (90% within 47m)"
	Denied     = `tenant "tenant-a" on Konflux cluster "stone-stg-rh01" is not among the owners of cluster profile "aws": ask its owners to be added, or choose another`
	Broken     = "prowjob state: failure: ci-operator failed: step ipi-install-install failed: connection reset by peer"
)

// Fatal is what Crossplane says of conditions when it could not ask the function.
const Fatal = "A fatal error occurred before the status of this condition could be determined."

// Words of app.ci's API server, and of whoever cannot reach it.
const (
	RefusedByAppCI = `admission webhook "policy.example" denied the request: no clusters on Sundays`
	Quota          = `ephemeralclusters.ci.openshift.io "demo-x7k2p" is forbidden: exceeded quota: clusters, requested: count/ephemeralclusters.ci.openshift.io=1, used: 5, limited: 5`
	NoRoute        = "dial tcp 192.0.2.1:6443: connect: no route to host"
)

// SecretQuota is why Crossplane cannot compose a resource in a tenant's namespace.
const SecretQuota = `cannot compose resources: cannot apply composed resource "connection-secret": secrets "demo-secret" is forbidden: exceeded quota: secrets`

// A Stage is a point of a cluster's life.
type Stage string

// Stages of a life, and of lives that end badly.
const (
	Created       Stage = "created"
	Bound         Stage = "bound"
	Checking      Stage = "checking"
	Accepted      Stage = "accepted"
	Environment   Stage = "environment-unknown"
	Invalid       Stage = "invalid-request"
	Unsynced      Stage = "unsynced"
	Refused       Stage = "refused"
	ProwJobLate   Stage = "prowjob-late"
	Starting      Stage = "starting"
	Installing    Stage = "installing"
	Failed        Stage = "failed"
	Ended         Stage = "ended"
	HandingOver   Stage = "handing-over"
	SecretTaken   Stage = "secret-taken"
	Ready         Stage = "ready"
	TearingDown   Stage = "tearing-down"
	NotSignalled  Stage = "not-signalled"
	Deprovisioned Stage = "deprovisioned"
	TearDownFails Stage = "tear-down-fails"
	Unknown       Stage = "unknown"
	Uncomposed    Stage = "uncomposed"
	AppCIRefuses  Stage = "app-ci-refuses"
	AppCIQuota    Stage = "app-ci-quota"
	AppCIAway     Stage = "app-ci-away"
	TearDownNo    Stage = "tear-down-refused"
)

func cond(typ string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: typ, Status: status, Reason: reason, Message: message}
}

// at returns the conditions of a phase, and others in place of those of their type.
func at(phase v1.Phase, others ...metav1.Condition) []metav1.Condition {
	url := ""
	if phase != "" {
		url = ProwJobURL
	}

	cs := []metav1.Condition{
		cond("Synced", metav1.ConditionTrue, "ReconcileSuccess", ""),
		cond("Ready", metav1.ConditionFalse, "Waiting", "Claim is waiting for composite resource to become Ready"),
		cond(v1alpha1.ConditionPhase, metav1.ConditionTrue, v1alpha1.ReasonReported, string(phase)),
		cond(v1alpha1.ConditionProwJobURL, metav1.ConditionTrue, v1alpha1.ReasonReported, url),
		cond(v1alpha1.ConditionAccepted, metav1.ConditionTrue, v1alpha1.ReasonAccepted, ""),
		cond(v1alpha1.ConditionCredentialsPublished, metav1.ConditionFalse, v1alpha1.ReasonPending, ""),
	}

	if phase != "" {
		cs = append(cs, cond(string(v1.ConditionProwJobCreating), metav1.ConditionFalse, v1.ReasonProwJobCreated, ""))
	}

	for _, other := range others {
		cs = replace(cs, other)
	}

	return cs
}

func replace(cs []metav1.Condition, c metav1.Condition) []metav1.Condition {
	for i := range cs {
		if cs[i].Type == c.Type {
			cs[i] = c

			return cs
		}
	}

	return append(cs, c)
}

// Conditions are those of a claim at a stage, which began at some time. There are
// none of a stage that is not known.
func Conditions(s Stage, since time.Time) []metav1.Condition {
	cs := conditions()[s]
	for i := range cs {
		cs[i].LastTransitionTime = metav1.NewTime(since)
	}

	return cs
}

func conditions() map[Stage][]metav1.Condition {
	const (
		yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown

		creating  = string(v1.ConditionProwJobCreating)
		ready     = string(v1.ConditionClusterReady)
		signalled = string(v1.ConditionTestCompleted)
		completed = string(v1.ConditionProwJobCompleted)
	)

	usable := []metav1.Condition{
		cond(ready, yes, "ClusterReady", ""),
		cond("Ready", yes, "Available", ""),
		cond(v1alpha1.ConditionCredentialsPublished, yes, v1alpha1.ReasonPublished, ""),
	}

	unanswered := at("", cond(v1alpha1.ConditionPhase, unknown, "FatalError", Fatal), cond(v1alpha1.ConditionProwJobURL, unknown, "FatalError", Fatal),
		cond(v1alpha1.ConditionAccepted, unknown, "FatalError", Fatal))

	return map[Stage][]metav1.Condition{
		Bound: {
			cond("Synced", yes, "ReconcileSuccess", ""),
			cond("Ready", no, "Waiting", "Claim is waiting for composite resource to become Ready"),
		},
		AppCIRefuses: at("", cond(v1alpha1.ConditionAppCISynced, no, v1alpha1.ReasonRefused, RefusedByAppCI)),
		AppCIQuota:   at("", cond(v1alpha1.ConditionAppCISynced, no, v1alpha1.ReasonRefusedForNow, Quota)),
		AppCIAway:    at(v1.PhaseProvisioning, cond(ready, no, v1.ReasonSecretsFetchFailure, Usual), cond(v1alpha1.ConditionAppCISynced, no, v1alpha1.ReasonUnreachable, NoRoute)),
		TearDownNo:   at(v1.PhaseReady, append(usable, cond(v1alpha1.ConditionAppCISynced, no, v1alpha1.ReasonRefused, RefusedByAppCI))...),
		Checking:     at("", cond(v1alpha1.ConditionAccepted, unknown, v1alpha1.ReasonCheckingName, `asking app.ci for an EphemeralCluster "demo-x7k2p", which must not exist`)),
		Accepted:     at(""),
		Environment: at("", cond(v1alpha1.ConditionAccepted, no, v1alpha1.ReasonEnvironmentUnknown,
			`EnvironmentConfig "envcfg" does not exist, or has no data.clusterName`)),
		Invalid: at("", cond(v1alpha1.ConditionAccepted, no, v1alpha1.ReasonInvalidRequest,
			"spec.ciOperator.test must have a clusterProfile or a clusterClaim, and has both")),
		Unsynced: at("", cond("Synced", no, "ReconcileError", "cannot select Composition")),
		Refused:  at(v1.PhaseFailed, cond(v1alpha1.ConditionProwJobURL, yes, v1alpha1.ReasonReported, ""), cond(creating, no, v1.ReasonValidationFailure, Denied)),
		ProwJobLate: at(v1.PhaseProvisioning, cond(v1alpha1.ConditionProwJobURL, yes, v1alpha1.ReasonReported, ""),
			cond(creating, no, v1.ReasonCIOperatorJobsGenerateFailure, "cannot create ProwJob yet: timeout")),
		Starting:   at(v1.PhaseProvisioning, cond(ready, no, v1.ReasonSecretsFetchFailure, v1.MessageNamespaceNotFound)),
		Installing: at(v1.PhaseProvisioning, cond(ready, no, v1.ReasonSecretsFetchFailure, Usual)),
		Failed: at(v1.PhaseFailed, cond(ready, no, v1.ReasonProwJobFailure, Broken),
			cond(completed, yes, v1.ReasonProwJobFailure, "prowjob state: failure")),
		Ended: at(v1.PhaseDeprovisioned, cond(ready, no, v1.ReasonProwJobCompleted, "prowjob state: success"),
			cond(completed, yes, v1.ReasonProwJobCompleted, "prowjob state: success")),
		HandingOver: at(v1.PhaseReady, cond(ready, yes, "ClusterReady", "")),
		SecretTaken: at(v1.PhaseReady, cond(ready, yes, "ClusterReady", ""),
			cond(v1alpha1.ConditionCredentialsPublished, no, v1alpha1.ReasonNotOurs,
				`Secret "demo-secret" was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name`)),
		Ready:       at(v1.PhaseReady, usable...),
		TearingDown: at(v1.PhaseDeprovisioning, append(usable, cond(signalled, yes, "TestCompleted", ""))...),
		NotSignalled: at(v1.PhaseReady, append(usable,
			cond(signalled, no, v1.ReasonCreateTestCompletedSecretFailure, v1.MessageNamespaceNotFound))...),
		Deprovisioned: at(v1.PhaseDeprovisioned, cond(ready, no, v1.ReasonProwJobCompleted, "prowjob state: success"),
			cond(signalled, yes, "TestCompleted", ""), cond(completed, yes, v1.ReasonProwJobCompleted, "prowjob state: success")),
		Unknown:    unanswered,
		Uncomposed: replace(append([]metav1.Condition{}, unanswered...), cond("Synced", no, "ReconcileError", SecretQuota)),
		TearDownFails: at(v1.PhaseFailed, cond(ready, no, v1.ReasonProwJobFailure, "prowjob state: error"),
			cond(signalled, yes, "TestCompleted", ""), cond(completed, yes, v1.ReasonProwJobFailure, "prowjob state: error")),
	}
}
