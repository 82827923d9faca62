package v1

import (
	"encoding/json"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConditionType names one aspect of an EphemeralCluster's progress.
type ConditionType string

// Condition types of an EphemeralCluster.
const (
	// ConditionProwJobCreating is True in the pass that creates the ProwJob, and
	// False with reason ReasonProwJobCreated ever after.
	ConditionProwJobCreating ConditionType = "ProwJobCreating"

	// ConditionClusterReady is True once the credentials are published.
	ConditionClusterReady ConditionType = "ClusterReady"

	// ConditionProwJobCompleted is True once the ProwJob has ended, however it did.
	ConditionProwJobCompleted ConditionType = "ProwJobCompleted"

	// ConditionTestCompleted is True once ci-operator was told to tear down.
	ConditionTestCompleted ConditionType = "TestCompleted"
)

// Reasons of an EphemeralCluster's conditions.
const (
	// ReasonCIOperatorJobsGenerateFailure surfaces on ProwJobCreating when no job
	// can be made of the spec, and a retry cannot change that.
	ReasonCIOperatorJobsGenerateFailure = "CIOperatorJobsGenerateFailure"

	// ReasonProwJobFailure surfaces on ProwJobCompleted when the ProwJob failed,
	// errored or was aborted.
	ReasonProwJobFailure = "ProwJobFailure"

	// ReasonProwJobCompleted surfaces on ProwJobCompleted when the ProwJob succeeded.
	ReasonProwJobCompleted = "ProwJobCompleted"

	// ReasonTooManyProwJobsBound surfaces on ProwJobCreating when more than one
	// ProwJob carries the EphemeralCluster's label.
	ReasonTooManyProwJobsBound = "TooManyProwJobsBound"

	// ReasonSecretsFetchFailure surfaces on ClusterReady while the credentials
	// cannot be read or published.
	ReasonSecretsFetchFailure = "SecretsFetchFailure"

	// ReasonCreateTestCompletedSecretFailure surfaces on TestCompleted while the
	// tear-down signal cannot be written.
	ReasonCreateTestCompletedSecretFailure = "CreateTestCompletedSecretFailure"

	// ReasonValidationFailure surfaces on ProwJobCreating when the tenant may not
	// use the cluster profile, or the profile is missing or unknown.
	ReasonValidationFailure = "EphemeralClusterValidationFailure"

	// ReasonProwJobCreated surfaces on ProwJobCreating, with status False, from the
	// pass after the one that created the ProwJob. Deployed clients match its words.
	ReasonProwJobCreated = "ProwJob has been properly created"
)

// Messages of an EphemeralCluster's conditions that deployed clients match.
const (
	// MessageNamespaceNotFound surfaces on ClusterReady until ci-operator has made
	// its namespace.
	MessageNamespaceNotFound = "ci-operator NS not found"

	// MessageKubeconfigNotReady surfaces on ClusterReady until ci-operator's Secret
	// holds a kubeconfig.
	MessageKubeconfigNotReady = "kubeconfig not ready"

	// MessageHiveSecretsNotReady surfaces on ClusterReady until both of Hive's
	// Secrets are there.
	MessageHiveSecretsNotReady = "hive secrets not ready"

	// MessageProwJobStatePrefix is followed by the ProwJob's state; it surfaces on
	// ProwJobCompleted.
	MessageProwJobStatePrefix = "prowjob state: "

	// MessageTooManyProwJobs surfaces on ProwJobCreating with
	// ReasonTooManyProwJobsBound.
	MessageTooManyProwJobs = "Too many ProwJobs bound, this is a bug"
)

// Condition is one aspect of an EphemeralCluster's progress. It is not a
// metav1.Condition because the reasons that deployed clients match are free text.
type Condition struct {
	// Type of the condition.
	Type ConditionType `json:"type"`

	// Status of the condition: True, False or Unknown.
	Status metav1.ConditionStatus `json:"status"`

	// ObservedGeneration is the generation of the spec that the condition is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// LastTransitionTime is when the status last changed.
	// +optional
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitempty"`

	// Reason of the status, for programs.
	// +optional
	Reason string `json:"reason,omitempty"`

	// Message about the status, for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// UnmarshalJSON reads a condition. An API server takes times and numbers that Go does
// not: they count as not set.
func (c *Condition) UnmarshalJSON(b []byte) error {
	type plain Condition

	p := plain{}
	if err := json.Unmarshal(b, &p); err == nil {
		*c = Condition(p)

		return nil
	}

	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &fields); err != nil {
		return errors.Wrap(err, "cannot read condition")
	}

	delete(fields, "lastTransitionTime")
	delete(fields, "observedGeneration")

	b, err := json.Marshal(fields)
	if err != nil {
		return errors.Wrap(err, "cannot read condition")
	}

	p = plain{}
	err = json.Unmarshal(b, &p)
	*c = Condition(p)

	return errors.Wrap(err, "cannot read condition")
}

// GetCondition returns the condition of a type, or nil when it is not set.
func (s *EphemeralClusterStatus) GetCondition(t ConditionType) *Condition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == t {
			return &s.Conditions[i]
		}
	}

	return nil
}

// IsTrue reports whether the condition of a type is set and True.
func (s *EphemeralClusterStatus) IsTrue(t ConditionType) bool {
	c := s.GetCondition(t)

	return c != nil && c.Status == metav1.ConditionTrue
}

// SetCondition sets a condition in place of an earlier one of its type. The
// transition time moves to now only when the status changes.
func (s *EphemeralClusterStatus) SetCondition(c Condition, now metav1.Time) {
	c.LastTransitionTime = now

	old := s.GetCondition(c.Type)
	if old == nil {
		s.Conditions = append(s.Conditions, c)

		return
	}

	if old.Status == c.Status {
		c.LastTransitionTime = old.LastTransitionTime
	}

	*old = c
}
