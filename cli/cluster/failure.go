package cluster

import (
	"fmt"
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

	if s.Phase == PhasePending {
		return s.refused()
	}

	return nil
}

// refused returns what app.ci will not take, however long anybody waits, or nil.
func (s State) refused() *Failure {
	if c := s.conditions[v1alpha1.ConditionAppCISynced]; s.conditions.isFalse(c.Type) && c.Reason == v1alpha1.ReasonRefused {
		return s.conditions.failure(c.Type)
	}

	return nil
}

// TearDownRefused returns why app.ci will not take that the cluster is to be torn down, or
// nil. It may just not have been asked yet, and have refused something before.
func (s State) TearDownRefused() *Failure {
	if !s.TearDown || s.over() || s.Phase == string(v1.PhaseDeprovisioning) {
		return nil
	}

	return s.refused()
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
	case s.deleted:
		return &Failure{Condition: v1alpha1.ConditionPhase, Reason: s.Phase, Message: s.deletion("is being deleted")}
	case s.ending(), s.over():
		return &Failure{Condition: v1alpha1.ConditionPhase, Reason: s.Phase, Message: "the cluster is asked to be torn down"}
	}

	return nil
}

// Deletion tells that the claim was deleted, and what that may come from.
func (s State) Deletion() string { return s.deletion("was deleted meanwhile") }

func (s State) deletion(what string) string {
	if s.owner == "" {
		return "the " + v1alpha1.Kind + " " + what
	}

	return fmt.Sprintf("the %s %s, as it is when its owner, %s, does not exist", v1alpha1.Kind, what, s.owner)
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
