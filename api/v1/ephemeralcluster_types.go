package v1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Phase says where an EphemeralCluster is in its life.
type Phase string

// Phases of an EphemeralCluster.
const (
	// PhaseProvisioning lasts from the first reconcile until the credentials are published.
	PhaseProvisioning Phase = "Provisioning"

	// PhaseReady lasts while the cluster may be used.
	PhaseReady Phase = "Ready"

	// PhaseDeprovisioning lasts from the tear-down signal until the ProwJob ends.
	PhaseDeprovisioning Phase = "Deprovisioning"

	// PhaseDeprovisioned is final: the ProwJob succeeded.
	PhaseDeprovisioned Phase = "Deprovisioned"

	// PhaseFailed is final: no ProwJob could be made, or it did not succeed.
	PhaseFailed Phase = "Failed"
)

// EphemeralCluster asks OpenShift CI for a short-lived cluster.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ec
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Profile",type=string,JSONPath=`.spec.ciOperator.test.clusterProfile`
// +kubebuilder:printcolumn:name="Workflow",type=string,JSONPath=`.spec.ciOperator.test.workflow`
// +kubebuilder:printcolumn:name="ProwJob",type=string,priority=1,JSONPath=`.status.prowJobURL`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type EphemeralCluster struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the cluster asked for.
	// +required
	Spec EphemeralClusterSpec `json:"spec"`

	// Status is what became of it.
	// +optional
	Status EphemeralClusterStatus `json:"status,omitempty,omitzero"`
}

// EphemeralClusterList is a list of EphemeralClusters.
//
// +kubebuilder:object:root=true
type EphemeralClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []EphemeralCluster `json:"items"`
}

// EphemeralClusterSpec is the cluster asked for.
type EphemeralClusterSpec struct {
	// CIOperator is the part of ci-operator's configuration that a requester chooses.
	CIOperator CIOperatorSpec `json:"ciOperator"`

	// TearDownCluster, once true, starts the destruction of the cluster.
	// +optional
	TearDownCluster bool `json:"tearDownCluster,omitempty"`
}

// CIOperatorSpec is the part of ci-operator's configuration that a requester chooses.
type CIOperatorSpec struct {
	// BuildRoot is the image that ci-operator builds in.
	// +optional
	BuildRoot *BuildRoot `json:"buildRoot,omitempty"`

	// BaseImages are images that steps refer to, by name.
	// +optional
	BaseImages map[string]ImageStreamTag `json:"baseImages,omitempty"`

	// ExternalImages are images from other registries that steps refer to, by name.
	// +optional
	ExternalImages map[string]ExternalImage `json:"externalImages,omitempty"`

	// Releases are the OpenShift releases to install from, by name.
	// +optional
	Releases map[string]Release `json:"releases,omitempty"`

	// Resources are the compute resources of steps, by step name or "*".
	// +optional
	Resources map[string]ResourceRequirements `json:"resources,omitempty"`

	// Test says how the cluster is provisioned.
	// +optional
	Test Test `json:"test,omitempty,omitzero"`
}

// Test says how the cluster is provisioned: by a workflow on a cluster profile, or
// by a claim on one of Hive's pools.
type Test struct {
	// Workflow of the step registry that provisions and destroys the cluster.
	// +optional
	Workflow string `json:"workflow,omitempty"`

	// Env are the parameters of the workflow.
	// +optional
	Env map[string]string `json:"env,omitempty"`

	// ClusterProfile names the cloud account to provision in.
	// +optional
	ClusterProfile string `json:"clusterProfile,omitempty"`

	// ClusterClaim asks for a cluster from a Hive pool, in place of a cluster profile.
	// +optional
	ClusterClaim *ClusterClaim `json:"clusterClaim,omitempty"`
}

// ClusterClaim selects a cluster from a Hive pool.
type ClusterClaim struct {
	// Architecture of the cluster's nodes.
	// +optional
	Architecture string `json:"architecture,omitempty"`

	// As is the name of the release that the claim provides.
	// +optional
	As string `json:"as,omitempty"`

	// Cloud that the cluster is on.
	// +kubebuilder:validation:MinLength=1
	Cloud string `json:"cloud"`

	// Labels that the pool must have.
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// Owner of the pool.
	// +kubebuilder:validation:MinLength=1
	Owner string `json:"owner"`

	// Product that is installed.
	// +optional
	Product string `json:"product,omitempty"`

	// Timeout is how long to wait for a cluster, as Go writes durations.
	// +optional
	Timeout Duration `json:"timeout,omitempty"`

	// Version of the product.
	// +kubebuilder:validation:MinLength=1
	Version string `json:"version"`
}

// EphemeralClusterStatus is what became of the request.
type EphemeralClusterStatus struct {
	// Phase says where the cluster is in its life.
	Phase Phase `json:"phase"`

	// Conditions say what has happened, and why nothing does.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []Condition `json:"conditions,omitempty"`

	// ProwJobID is the name of the ProwJob that provisions the cluster.
	// +optional
	ProwJobID string `json:"prowJobId,omitempty"`

	// ProwJobURL is where the ProwJob's progress and logs are.
	// +optional
	ProwJobURL string `json:"prowJobURL,omitempty"`

	// SecretRef names the Secret, in the namespace of the EphemeralCluster, that
	// holds its credentials.
	// +optional
	SecretRef string `json:"secretRef,omitempty"`

	// Kubeconfig is the cluster's kubeconfig, in the earlier form that does not use
	// a Secret.
	// +optional
	Kubeconfig string `json:"kubeconfig,omitempty"`

	// KubeAdminPassword is the kubeadmin user's password, in the earlier form that
	// does not use a Secret.
	// +optional
	KubeAdminPassword string `json:"kubeAdminPassword,omitempty"`
}
