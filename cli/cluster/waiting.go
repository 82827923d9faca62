package cluster

import (
	"fmt"
	"strings"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// A stage of a cluster's life is reached by what was waited for before. A cluster does not
// go back to one, though what tells of it may: conditions come one by one, and may be
// missing for a while.
type stage int

const (
	stageRequest stage = iota + 1
	stageAcceptance
	stageAppCI
	stageProwJob
	stageCIOperator
	stageInstall
	stageSecret
	stageKubeconfig
	stageTearDown
	stageDestruction
)

// A wait is for something that must happen. It has no stage when that is somebody's doing
// who keeps the cluster from getting on, at whatever stage it is.
type wait struct {
	stage stage
	what  string
}

// nothing is waited for.
func nothing() *wait { return &wait{} }

// waits are asked in order; the first that is in the way is what is waited for.
func waits() []func(State) *wait {
	return []func(State) *wait{
		waitsForNothing,
		waitsForResumption,
		waitsForCrossplane,
		waitsForAppCI,
		waitsForTearDown,
		waitsForAcceptance,
		waitsForTakingUp,
		waitsForProwJob,
		waitsForCluster,
		waitsForCredentials,
	}
}

func waitingFor(s State) wait {
	for _, waits := range waits() {
		if w := waits(s); w != nil {
			return *w
		}
	}

	return wait{}
}

// since returns what is waited for after something else was: no stage that is past.
func (w wait) since(last wait) wait {
	if w.what == "" || w.stage == 0 || w.stage >= last.stage {
		return w
	}

	return last
}

// because joins what is waited for and the words of who is waited for.
func because(what, words string) string {
	if words == "" {
		return what
	}

	return what + ": " + words
}

func waitsForNothing(s State) *wait {
	if s.over() || s.Failure != nil || s.Ready {
		return nothing()
	}

	return nil
}

func waitsForResumption(s State) *wait {
	if !s.paused {
		return nil
	}

	return &wait{what: fmt.Sprintf("somebody to resume it: the claim is paused: its annotation %s is true", annotationPaused)}
}

// waitsForCrossplane tells Crossplane's trouble before what it could not find out for it.
func waitsForCrossplane(s State) *wait {
	_, accepted := s.conditions[v1alpha1.ConditionAccepted]
	_, phase := s.conditions[v1alpha1.ConditionPhase]

	switch {
	case s.conditions.isFalse(conditionSynced):
		return &wait{what: because("Crossplane", s.conditions[conditionSynced].Message)}
	case s.conditions.isUnanswered(v1alpha1.ConditionAccepted):
		return &wait{what: because("Crossplane", s.conditions[v1alpha1.ConditionAccepted].Message)}
	case !accepted && !phase && !s.ending():
		return &wait{stage: stageRequest, what: "Crossplane to take up the request"}
	}

	return nil
}

// waitsForAppCI passes on why app.ci does not have what it is asked for, in its own words.
func waitsForAppCI(s State) *wait {
	c := s.conditions[v1alpha1.ConditionAppCISynced]

	switch {
	case !s.conditions.isFalse(c.Type):
		return nil
	case c.Reason == v1alpha1.ReasonUnreachable:
		return &wait{what: because("app.ci to be reachable", c.Message)}
	}

	return &wait{what: because("app.ci to take what is asked for", c.Message)}
}

func waitsForTearDown(s State) *wait {
	signal := s.conditions[string(v1.ConditionTestCompleted)]

	switch {
	case !s.ending():
		return nil
	case s.conditions.isFalse(signal.Type) && signal.Reason != "":
		return &wait{what: because("ci-operator to be told to tear down", fmt.Sprintf("%s: %s", signal.Reason, signal.Message))}
	case s.Phase == string(v1.PhaseDeprovisioning):
		return &wait{stage: stageDestruction, what: "the ProwJob to destroy the cluster"}
	}

	return &wait{stage: stageTearDown, what: "app.ci to start the tear-down"}
}

func waitsForAcceptance(s State) *wait {
	c, ok := s.conditions[v1alpha1.ConditionAccepted]

	switch what := because("the request to be accepted", c.Message); {
	case !ok || s.conditions.isTrue(c.Type):
		return nil
	case s.conditions.isFalse(c.Type):
		return &wait{what: what}
	default:
		return &wait{stage: stageAcceptance, what: what}
	}
}

func waitsForTakingUp(s State) *wait {
	if s.Phase == PhasePending {
		return &wait{stage: stageAppCI, what: "app.ci to take up the request"}
	}

	return nil
}

func waitsForProwJob(s State) *wait {
	c, ok := s.conditions[string(v1.ConditionProwJobCreating)]

	switch {
	case !ok:
		return &wait{stage: stageProwJob, what: "the ProwJob to be created"}
	case s.conditions.isFalse(c.Type) && c.Reason != v1.ReasonProwJobCreated:
		return &wait{what: because("the ProwJob to be created", c.Message)}
	}

	return nil
}

// waitsForCluster passes on app.ci's words, which also say how long such clusters
// take, behind what they mean.
func waitsForCluster(s State) *wait {
	c := s.conditions[string(v1.ConditionClusterReady)]

	switch {
	case s.conditions.isTrue(c.Type):
		return nil
	case strings.HasPrefix(c.Message, v1.MessageNamespaceNotFound):
		return &wait{stage: stageCIOperator, what: because("ci-operator to start", c.Message)}
	case strings.HasPrefix(c.Message, v1.MessageKubeconfigNotReady):
		return &wait{stage: stageInstall, what: because("the cluster to be installed", c.Message)}
	case strings.HasPrefix(c.Message, v1.MessageHiveSecretsNotReady):
		return &wait{stage: stageInstall, what: because("a cluster of Hive's pool", c.Message)}
	case s.conditions.isFalse(c.Type):
		return &wait{what: because("the cluster to be ready", c.Message)}
	}

	return &wait{stage: stageCIOperator, what: because("the cluster to be ready", c.Message)}
}

func waitsForCredentials(s State) *wait {
	published := s.conditions[v1alpha1.ConditionCredentialsPublished]

	what := fmt.Sprintf("the kubeconfig to be in Secret %q", s.Secret)
	if s.Secret == "" {
		what = "the kubeconfig to be in a Secret, of which the claim names none: spec.writeConnectionSecretToRef.name"
	}

	return &wait{stage: stageSecret, what: because(what, published.Message)}
}
