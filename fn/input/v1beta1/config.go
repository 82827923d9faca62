package v1beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Config says which names a cluster uses. A field that is left out has the value
// that deployed clusters rely on.
//
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
// +kubebuilder:resource:categories=crossplane
type Config struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// ProviderConfigName names the ProviderConfig (for claims) or the
	// ClusterProviderConfig (for namespaced composites) of provider-kubernetes that
	// reaches app.ci. It is testplatform-kubernetes-provider-config when left out.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	ProviderConfigName string `json:"providerConfigName,omitempty"`

	// EphemeralClusterNamespace is the namespace on app.ci that holds the
	// EphemeralClusters and their credentials. It is ephemeral-cluster when left out.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	EphemeralClusterNamespace string `json:"ephemeralClusterNamespace,omitempty"`

	// EnvironmentConfigName names the EnvironmentConfig whose data.clusterName is
	// this Konflux cluster's name. It is envcfg when left out.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	EnvironmentConfigName string `json:"environmentConfigName,omitempty"`

	// ConnectionSecretNamespace is the namespace that the connection Secrets of
	// credentials Objects are written to, for claims. It is crossplane-connections
	// when left out.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	ConnectionSecretNamespace string `json:"connectionSecretNamespace,omitempty"`
}
