// Package cluster tells how it is with a cluster from what its claim says. A claim
// and a v2 namespaced composite say it alike.
package cluster

import (
	"cmp"
	"fmt"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// PhasePending lasts until app.ci says a phase.
const PhasePending = "Pending"

// State is what a claim says of its cluster. Its JSON form is printed to programs.
type State struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	UID       types.UID `json:"uid"`
	Created   time.Time `json:"created"`

	// Phase is app.ci's, or PhasePending.
	Phase string `json:"phase"`

	// Since is when the phase began.
	Since time.Time `json:"since"`

	// Ready is true while the cluster can be used.
	Ready bool `json:"ready"`

	// WaitingFor is what must happen for the cluster to become what it is asked to
	// be: ready, or gone.
	WaitingFor string `json:"waitingFor,omitempty"`

	// Failure says why it will not.
	Failure *Failure `json:"failure,omitempty"`

	// ProwJobURL and ProwJobID say which ProwJob provisions the cluster.
	ProwJobURL string `json:"prowJobURL,omitempty"`
	ProwJobID  string `json:"prowJobId,omitempty"`

	// Secret is the name of the Secret that has the kubeconfig, once there is one.
	Secret string `json:"secret,omitempty"`

	Workflow       string `json:"workflow,omitempty"`
	ClusterProfile string `json:"clusterProfile,omitempty"`

	// TearDown is true once the cluster is asked to be gone.
	TearDown bool `json:"tearDown,omitempty"`

	// owner is who the claim is deleted with, as people call it.
	owner string

	// deleted is true once the claim is to be gone, and paused while Crossplane is to
	// leave it alone.
	deleted bool
	paused  bool

	// reached is the furthest stage at which something was waited for.
	reached wait

	conditions conditions
}

// A Failure is in the words of the condition that says it.
type Failure struct {
	Condition string `json:"condition"`
	Reason    string `json:"reason"`
	Message   string `json:"message"`
}

// String is the reason and the message, word for word.
func (f *Failure) String() string {
	if f.Message == "" {
		return f.Reason
	}

	return f.Reason + ": " + f.Message
}

// claim has the fields that are read. Whatever else a claim has, and whatever is
// not of the expected type, is none of our business.
type claim struct {
	Spec struct {
		CIOperator struct {
			Test struct {
				Workflow       string `json:"workflow"`
				ClusterProfile string `json:"clusterProfile"`
			} `json:"test"`
		} `json:"ciOperator"`
		TearDownCluster            bool `json:"tearDownCluster"`
		WriteConnectionSecretToRef struct {
			Name string `json:"name"`
		} `json:"writeConnectionSecretToRef"`

		// Crossplane has its settings here of a namespaced composite, and none of a claim.
		Crossplane map[string]any `json:"crossplane"`
	} `json:"spec"`
	Status struct {
		Conditions []metav1.Condition `json:"conditions"`
		ProwJobID  string             `json:"prowJobId"`
		SecretRef  string             `json:"secretRef"`
	} `json:"status"`
}

// secret is where the credentials are, or will be. Crossplane goes by what a claim says at any
// time. Of a composite the status says where they are, which may have been decided before.
func (c *claim) secret() string {
	if c.Spec.Crossplane != nil {
		return cmp.Or(c.Status.SecretRef, c.Spec.WriteConnectionSecretToRef.Name)
	}

	return cmp.Or(c.Spec.WriteConnectionSecretToRef.Name, c.Status.SecretRef)
}

// From reads a claim, or a v2 namespaced composite.
func From(u *unstructured.Unstructured) State {
	c := &claim{}
	// What cannot be converted stays empty, and an empty claim waits.
	_ = runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, c)

	cs := conditions{}
	for _, cond := range c.Status.Conditions {
		cs[cond.Type] = printable(cond)
	}

	s := State{
		Name:           u.GetName(),
		Namespace:      u.GetNamespace(),
		UID:            u.GetUID(),
		Created:        u.GetCreationTimestamp().Time,
		Phase:          cmp.Or(cs.reported(v1alpha1.ConditionPhase), PhasePending),
		Since:          u.GetCreationTimestamp().Time,
		ProwJobURL:     cs.reported(v1alpha1.ConditionProwJobURL),
		ProwJobID:      clean(c.Status.ProwJobID),
		Secret:         clean(c.secret()),
		Workflow:       clean(c.Spec.CIOperator.Test.Workflow),
		ClusterProfile: clean(c.Spec.CIOperator.Test.ClusterProfile),
		TearDown:       c.Spec.TearDownCluster || u.GetDeletionTimestamp() != nil,
		owner:          Owner(u),
		deleted:        u.GetDeletionTimestamp() != nil,
		paused:         meta.IsPaused(u),
		conditions:     cs,
	}

	if s.Phase != PhasePending {
		s.Since = cs[v1alpha1.ConditionPhase].LastTransitionTime.Time
	}

	return s.judged()
}

// judged returns the state with what follows from its phase and its conditions.
func (s State) judged() State {
	s.Ready = !s.over() && !s.ending() && s.conditions.isTrue(string(v1.ConditionClusterReady)) && s.conditions.isTrue(conditionReady)
	s.Failure = failureOf(s)

	return s.waits(waitingFor(s))
}

// waits returns the state of a cluster that waits for something.
func (s State) waits(w wait) State {
	w = w.since(s.reached)
	s.WaitingFor = w.what

	if w.stage != 0 {
		s.reached = w
	}

	return s
}

// After returns the state of a cluster that was in another before. What Crossplane cannot
// tell at the moment is what it was, and no stage is waited for that is past.
func (s State) After(last State) State {
	if s.UID != last.UID {
		return s
	}

	s.reached = last.reached

	if s.conditions.isUnknown(v1alpha1.ConditionPhase) {
		s.Phase, s.Since = last.Phase, last.Since
	}

	if s.conditions.isUnknown(v1alpha1.ConditionProwJobURL) {
		s.ProwJobURL = last.ProwJobURL
	}

	return s.judged()
}

// Lacks returns the state of a cluster that would be ready, were it not for
// something that the claim does not know.
func (s State) Lacks(what string) State {
	s.Ready = false

	return s.waits(wait{stage: stageKubeconfig, what: what})
}

// Owner is what people call the owner of an object that has one.
func Owner(u *unstructured.Unstructured) string {
	for _, o := range u.GetOwnerReferences() {
		return clean(fmt.Sprintf("%s %s of UID %s", o.Kind, o.Name, o.UID))
	}

	return ""
}

// ending reports whether the cluster is, or is asked to be, torn down.
func (s State) ending() bool {
	return s.TearDown || s.Phase == string(v1.PhaseDeprovisioning)
}

// over reports whether nothing will happen to the cluster any more.
func (s State) over() bool {
	return s.Phase == string(v1.PhaseFailed) || s.Phase == string(v1.PhaseDeprovisioned)
}

// Over reports whether nothing will happen to the cluster any more.
func (s State) Over() bool { return s.over() || s.Failure != nil }
