// Package v1alpha1 names the TestPlatformCluster API of Konflux clusters. Its
// schema is generated from EphemeralCluster's, so there are no Go types of it.
package v1alpha1

// Names of the API, as tenants and their pipelines use it.
const (
	Group   = "ci.openshift.org"
	Version = "v1alpha1"

	// Kind is the kind of claims, and of v2 namespaced composites.
	Kind   = "TestPlatformCluster"
	Plural = "testplatformclusters"

	// CompositeKind is the kind of the cluster-scoped composite behind a claim.
	CompositeKind   = "XTestPlatformCluster"
	CompositePlural = "xtestplatformclusters"

	// CompositionName is the Composition that deployed claims use.
	CompositionName = "testplatform-ephemeral-cluster"

	// FunctionName is the composition function's package, and what Compositions call.
	FunctionName = "function-testplatform-cluster"
)

// Conditions of a claim beyond those of its EphemeralCluster, which are reported
// under their own types. Both are True from the first reconcile on, with an empty
// message until there is something to say.
const (
	// ConditionPhase says the EphemeralCluster's phase in its message.
	ConditionPhase = "_EphemeralClusterPhase"

	// ConditionProwJobURL says where the ProwJob is in its message.
	ConditionProwJobURL = "_ProwJobURL"
)

// StatusMessage is the field of a claim's status that says why it waits or has failed:
// the message of the condition that counts most.
const StatusMessage = "message"

// Names of objects on a Konflux cluster.
const (
	// ProviderConfigName names the ProviderConfig that reaches app.ci.
	ProviderConfigName = "testplatform-kubernetes-provider-config"

	// ProviderSecretNamespace and ProviderSecretName locate the Secret that holds
	// the ProviderConfig's kubeconfig, under ProviderSecretKey.
	ProviderSecretNamespace = "crossplane-system" //nolint:gosec // A name, no credential.
	ProviderSecretName      = "testplatform-appci-cluster"
	ProviderSecretKey       = "kubeconfig"

	// EnvironmentConfigName names the EnvironmentConfig that knows the Konflux
	// cluster's name, under EnvironmentConfigKey of its data.
	EnvironmentConfigName = "envcfg"
	EnvironmentConfigKey  = "clusterName"

	// ConnectionSecretNamespace holds the connection Secrets of composites and of
	// credentials Objects.
	ConnectionSecretNamespace = "crossplane-connections"
)
