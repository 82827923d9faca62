package cluster

import (
	"fmt"
	"strings"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// waits are asked in order; the first that is in the way is what is waited for.
func waits() []func(State) string {
	return []func(State) string{
		waitsForNothing,
		waitsForTearDown,
		waitsForAcceptance,
		waitsForCrossplane,
		waitsForAppCI,
		waitsForProwJob,
		waitsForCluster,
		waitsForCredentials,
	}
}

// nothing ends the chain: it is in the way of all that follows.
const nothing = "-"

func waitingFor(s State) string {
	for _, waits := range waits() {
		if what := waits(s); what != "" {
			return strings.TrimPrefix(what, nothing)
		}
	}

	return ""
}

// because joins what is waited for and the words of who is waited for.
func because(what, words string) string {
	if words == "" {
		return what
	}

	return what + ": " + words
}

func waitsForNothing(s State) string {
	if s.over() || s.Failure != nil || s.Ready {
		return nothing
	}

	return ""
}

func waitsForTearDown(s State) string {
	signal := s.conditions[string(v1.ConditionTestCompleted)]

	switch {
	case !s.ending():
		return ""
	case s.conditions.isFalse(signal.Type) && signal.Reason != "":
		return because("ci-operator to be told to tear down", fmt.Sprintf("%s: %s", signal.Reason, signal.Message))
	case s.Phase == string(v1.PhaseDeprovisioning):
		return "the ProwJob to destroy the cluster"
	}

	return "app.ci to start the tear-down"
}

func waitsForAcceptance(s State) string {
	c, ok := s.conditions[v1alpha1.ConditionAccepted]
	if !ok || s.conditions.isTrue(c.Type) {
		return ""
	}

	return because("the request to be accepted", c.Message)
}

func waitsForCrossplane(s State) string {
	switch {
	case len(s.conditions) == 0:
		return "Crossplane to take up the request"
	case s.conditions.isFalse(conditionSynced):
		return because("Crossplane", s.conditions[conditionSynced].Message)
	}

	return ""
}

func waitsForAppCI(s State) string {
	if s.Phase == PhasePending {
		return "app.ci to take up the request"
	}

	return ""
}

func waitsForProwJob(s State) string {
	c, ok := s.conditions[string(v1.ConditionProwJobCreating)]

	switch {
	case !ok:
		return "the ProwJob to be created"
	case s.conditions.isFalse(c.Type) && c.Reason != v1.ReasonProwJobCreated:
		return because("the ProwJob to be created", c.Message)
	}

	return ""
}

// waitsForCluster passes on app.ci's words, which also say how long such clusters
// take, behind what they mean.
func waitsForCluster(s State) string {
	c := s.conditions[string(v1.ConditionClusterReady)]
	if s.conditions.isTrue(c.Type) {
		return ""
	}

	what := "the cluster to be ready"

	switch {
	case strings.HasPrefix(c.Message, v1.MessageNamespaceNotFound):
		what = "ci-operator to start"
	case strings.HasPrefix(c.Message, v1.MessageKubeconfigNotReady):
		what = "the cluster to be installed"
	case strings.HasPrefix(c.Message, v1.MessageHiveSecretsNotReady):
		what = "a cluster of Hive's pool"
	}

	return because(what, c.Message)
}

func waitsForCredentials(s State) string {
	published := s.conditions[v1alpha1.ConditionCredentialsPublished]

	return because(fmt.Sprintf("the kubeconfig to be in Secret %q", s.Secret), published.Message)
}
