package cluster

import (
	"slices"
	"strings"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// failureOf returns why a cluster has failed for good, or nil.
func failureOf(s State) *Failure {
	if s.Phase == string(v1.PhaseFailed) {
		return failedPhase(s.conditions)
	}

	// Once app.ci has the request, what is wrong with it now no longer matters.
	refused := []string{v1alpha1.ReasonInvalidRequest, v1alpha1.ReasonNotOurs, v1alpha1.ReasonTenantUnknown}

	accepted := s.conditions[v1alpha1.ConditionAccepted]
	if s.Phase == PhasePending && s.conditions.isFalse(accepted.Type) && slices.Contains(refused, accepted.Reason) {
		return s.conditions.failure(accepted.Type)
	}

	return nil
}

// failedPhase finds the condition that says why the phase is Failed.
func failedPhase(cs conditions) *Failure {
	completed, ready := string(v1.ConditionProwJobCompleted), string(v1.ConditionClusterReady)
	creating := string(v1.ConditionProwJobCreating)

	switch {
	case cs.isTrue(completed) && cs[completed].Reason == v1.ReasonProwJobFailure:
		// ClusterReady may have the same words, and Prow's own after them.
		if cs[ready].Reason == cs[completed].Reason && strings.HasPrefix(cs[ready].Message, cs[completed].Message) {
			return cs.failure(ready)
		}

		return cs.failure(completed)
	case cs.isFalse(creating) && cs[creating].Reason != v1.ReasonProwJobCreated:
		return cs.failure(creating)
	case cs.isFalse(ready):
		return cs.failure(ready)
	}

	return &Failure{Condition: v1alpha1.ConditionPhase, Reason: string(v1.PhaseFailed), Message: "app.ci does not say why"}
}

// ProvisionFailure returns why a cluster will never be ready, or nil.
func (s State) ProvisionFailure() *Failure {
	published := s.conditions[v1alpha1.ConditionCredentialsPublished]
	unpublishable := []string{v1alpha1.ReasonNotOurs, v1alpha1.ReasonInvalidSecretName}

	switch {
	case s.Failure != nil:
		return s.Failure
	case s.conditions.isFalse(published.Type) && slices.Contains(unpublishable, published.Reason):
		return s.conditions.failure(published.Type)
	case s.conditions.isTrue(string(v1.ConditionProwJobCompleted)):
		return s.conditions.failure(string(v1.ConditionProwJobCompleted))
	case s.ending(), s.over():
		return &Failure{Condition: v1alpha1.ConditionPhase, Reason: s.Phase, Message: "the cluster is asked to be torn down"}
	}

	return nil
}

// Deprovisioned reports whether the ProwJob that was to destroy the cluster has
// ended, and why it failed if it did. A failed phase is a failure whatever came of
// the ProwJob, of which there may be none.
func (s State) Deprovisioned() (bool, *Failure) {
	completed := s.conditions[string(v1.ConditionProwJobCompleted)]

	if s.Failure != nil {
		return true, s.Failure
	}

	if !s.conditions.isTrue(completed.Type) {
		return false, nil
	}

	if completed.Reason == v1.ReasonProwJobFailure {
		return true, failedPhase(s.conditions)
	}

	return true, nil
}
