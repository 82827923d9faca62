package konflux

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

const (
	// groupCluster and groupNamespaced are provider-kubernetes' API groups of
	// cluster-scoped and of namespaced resources.
	groupCluster    = "kubernetes.crossplane.io"
	groupNamespaced = "kubernetes.m.crossplane.io"

	crossplaneAccount = "crossplane"

	crossplaneRole = "crossplane-testplatform"
	providerRole   = "provider-kubernetes-system"
)

// Names of the roles of tenants.
const (
	EditRole = "testplatformclusters-edit"
	ViewRole = "testplatformclusters-view"
)

// rights are those of tenants, of Crossplane and of provider-kubernetes.
//
// Crossplane's RBAC manager grants the latter two as much, and more, where it runs.
// They are here too because not every cluster runs it.
func rights() []any {
	crossplane := manifest.ServiceAccount(crossplaneNamespace, crossplaneAccount)
	provider := manifest.ServiceAccount(crossplaneNamespace, ProviderName)

	return []any{
		tenantRole(EditRole, "get,list,watch,create,update,patch,delete", "admin", "edit"),
		tenantRole(ViewRole, "get,list,watch", "view"),
		manifest.ClusterRole(crossplaneRole, crossplaneRules()...),
		manifest.BindClusterRole(crossplaneRole, crossplane),
		manifest.ClusterRole(providerRole, providerRules()...),
		manifest.BindClusterRole(providerRole, provider),
	}
}

// tenantRole is part of those of Kubernetes' own roles that are named.
func tenantRole(name, verbs string, aggregateTo ...string) *rbacv1.ClusterRole {
	r := manifest.ClusterRole(name, manifest.Rule(v1alpha1.Group, v1alpha1.Plural, verbs))

	r.Labels = map[string]string{}
	for _, to := range aggregateTo {
		r.Labels["rbac.authorization.k8s.io/aggregate-to-"+to] = "true"
	}

	return r
}

// crossplaneRules let Crossplane reconcile the API and compose Objects.
func crossplaneRules() []rbacv1.PolicyRule {
	const (
		resources = v1alpha1.Plural + "," + v1alpha1.CompositePlural
		statuses  = v1alpha1.Plural + "/status," + v1alpha1.CompositePlural + "/status"
		finalizer = v1alpha1.Plural + "/finalizers," + v1alpha1.CompositePlural + "/finalizers"
		verbs     = "get,list,watch,create,update,patch,delete"
	)

	return []rbacv1.PolicyRule{
		manifest.Rule(v1alpha1.Group, resources, verbs),
		manifest.Rule(v1alpha1.Group, statuses, "get,update,patch"),
		manifest.Rule(v1alpha1.Group, finalizer, "update"),
		manifest.Rule(groupCluster, "objects", verbs),
		manifest.Rule(groupNamespaced, "objects", verbs),
	}
}

// providerRules let provider-kubernetes work on its own kinds, read its credential and
// write connection Secrets, wherever a namespaced Object asks for one.
func providerRules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule

	for _, group := range []string{groupCluster, groupNamespaced} {
		rules = append(rules,
			manifest.Rule(group, rbacv1.ResourceAll, "get,list,watch,create,update,patch,delete"),
			manifest.Rule(group, "*/status", "get,update,patch"),
			manifest.Rule(group, "*/finalizers", "update"),
		)
	}

	return append(rules,
		manifest.Rule(corev1.GroupName, "secrets", "get,list,watch,create,update,patch,delete"),
		manifest.Rule(corev1.GroupName, "configmaps", "get,list,watch,create,update,patch,delete"),
		manifest.Rule(corev1.GroupName, "events", "create,update,patch"),
		manifest.Rule("events.k8s.io", "events", "create,update,patch"),
		manifest.Rule("coordination.k8s.io", "leases", "get,list,watch,create,update,patch,delete"),
		// It waits for its CRDs before it starts a controller.
		manifest.Rule("apiextensions.k8s.io", "customresourcedefinitions", "get,list,watch"),
	)
}
