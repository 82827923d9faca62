package config

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// newWielder returns an object of provider-kubernetes that uses its credential.
func newWielder(t *testing.T, kind, name string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, `
apiVersion: kubernetes.m.crossplane.io/v1alpha1
spec:
  providerConfigRef: {kind: ClusterProviderConfig, name: testplatform-kubernetes-provider-config}
  forProvider: {manifest: {apiVersion: v1, kind: Secret, metadata: {name: x, namespace: ns}}}
`)
	if kind == "ObservedObjectCollection" {
		u = object(t, `
apiVersion: kubernetes.m.crossplane.io/v1alpha1
spec:
  providerConfigRef: {kind: ClusterProviderConfig, name: testplatform-kubernetes-provider-config}
  observeObjects: {apiVersion: v1, kind: Secret, selector: {}}
`)
	}

	u.SetKind(kind)
	u.SetNamespace(tenant)
	u.SetName(name)

	return u
}

// newProviderConfig returns a tenant's own way to the credential.
func newProviderConfig(t *testing.T) *unstructured.Unstructured {
	t.Helper()

	return object(t, `
apiVersion: kubernetes.m.crossplane.io/v1alpha1
kind: ProviderConfig
metadata: {namespace: team-a, name: mine}
spec: {credentials: {source: Secret, secretRef: {namespace: crossplane-system, name: testplatform-appci-cluster, key: kubeconfig}}}
`)
}

// aboutObjects is what holds in both API modes.
func aboutObjects(t *testing.T, c *cluster) map[string]attempt {
	t.Helper()

	live := newWielder(t, "Object", "live")
	live.SetFinalizers([]string{"finalizer.managedresource.crossplane.io"})

	pc := object(t, "{apiVersion: kubernetes.m.crossplane.io/v1alpha1, kind: ClusterProviderConfig, metadata: {name: testplatform-kubernetes-provider-config}}")
	usage := object(t, `
apiVersion: kubernetes.m.crossplane.io/v1alpha1
kind: ProviderConfigUsage
metadata: {namespace: team-a, name: usage}
providerConfigRef: {kind: ClusterProviderConfig, name: testplatform-kubernetes-provider-config}
resourceRef: {apiVersion: kubernetes.m.crossplane.io/v1alpha1, kind: Object, name: live}
`)
	clusterScoped := object(t, `
apiVersion: kubernetes.crossplane.io/v1alpha2
kind: Object
metadata: {name: mine}
spec: {providerConfigRef: {name: testplatform-kubernetes-provider-config}, forProvider: {manifest: {apiVersion: v1, kind: Secret}}}
`)

	const (
		respec   = `{"spec": {"forProvider": {"manifest": {"metadata": {"name": "anothers-credentials"}}}}}`
		unfinal  = `{"metadata": {"finalizers": null}}`
		forge    = `{"status": {"atProvider": {"manifest": {"status": {"secretRef": {"name": "anothers-credentials"}}}}}}`
		redirect = `{"spec": {"credentials": {"secretRef": {"name": "another"}}}}`
	)

	crossplane := c.asAccount(t, "crossplane-system", "crossplane")
	provider := c.asAccount(t, "crossplane-system", "provider-kubernetes")
	gc := c.asAccount(t, "kube-system", "generic-garbage-collector")
	namespaces := c.asAccount(t, "kube-system", "namespace-controller")
	one := c.as(t, "system:kube-controller-manager")
	user := c.as(t, "tenant")
	admin := c.as(t, "somebody", "system:masters")

	// The credential's own policy is not in force yet when Crossplane has its rights.
	eventually(t, func() error { return crossplane.Create(t.Context(), copyOf(live)) })

	used := copyOf(usage)
	used.SetName("used")
	eventually(t, func() error { return provider.Create(t.Context(), copyOf(used)) })

	return map[string]attempt{
		"CrossplaneCreatesObject":  {"Crossplane composes Objects.", crossplane, creates(newWielder(t, "Object", "new")), true},
		"CrossplaneChangesObject":  {"And changes them.", crossplane, patches(live, respec), true},
		"CrossplaneDeletesObject":  {"And deletes them.", crossplane, deletes(live), true},
		"ProviderCreatesObject":    {"provider-kubernetes does not.", provider, creates(newWielder(t, "Object", "new")), false},
		"ProviderDropsFinalizer":   {"It sets and drops its finalizer.", provider, patches(live, unfinal), true},
		"ProviderReports":          {"It reports.", provider, patchesStatus(live, forge), true},
		"ProviderCountsUsages":     {"It counts who uses a ProviderConfig.", provider, creates(usage), true},
		"TenantCreatesObject":      {"Whoever writes an Object wields the credential.", user, creates(newWielder(t, "Object", "new")), false},
		"TenantChangesObject":      {"Or changes one.", user, patches(live, respec), false},
		"TenantDropsFinalizer":     {"An Object without its finalizer would leave the cluster behind.", user, patches(live, unfinal), false},
		"TenantForgesStatus":       {"What an Object reports decides which Secret is read.", user, patchesStatus(live, forge), false},
		"TenantObservesCollection": {"A collection makes Objects.", user, creates(newWielder(t, "ObservedObjectCollection", "new")), false},
		"TenantProviderConfig":     {"A ProviderConfig can name a Secret of any namespace.", user, creates(newProviderConfig(t)), false},
		"TenantUsage":              {"A usage would keep one from being deleted.", user, creates(usage), false},
		"TenantRedirects":          {"All clusters reach app.ci as they are told to.", user, patches(pc, redirect), false},
		"TenantClusterScoped":      {"Cluster-scoped Objects are not a tenant's.", user, creates(clusterScoped), false},
		"TenantReadsCredential":    {"Nor is the credential itself.", user, gets(newSecret("crossplane-system", "testplatform-appci-cluster")), false},
		"TenantReadsConnections":   {"Nor are others' kubeconfigs.", user, lists(newSecret("crossplane-connections", "any"), client.InNamespace("crossplane-connections")), false},
		"TenantRenamesCluster":     {"A tenant cannot say that it is on another cluster.", user, patches(object(t, "{apiVersion: apiextensions.crossplane.io/v1beta1, kind: EnvironmentConfig, metadata: {name: envcfg}}"), `{"data": {"clusterName": "another"}}`), false},
		"NamespaceEndsUsage":       {"An Object that is to end its cluster needs its usage, also in a namespace that goes.", namespaces, deletesAll(used), false},
		"NamespaceEndsObject":      {"Which ends the Object first.", namespaces, deletes(live), true},
		"OneControllerEndsUsage":   {"Also where all controllers are one user.", one, deletesAll(used), false},
		"OneControllerCollects":    {"Who collects what is of no use any more.", one, deletesByUID(used), true},
		"CollectorEndsUsage":       {"The usage goes after its Object.", gc, deletes(used), true},
		"ProviderEndsUsage":        {"Or when the provider says so.", provider, deletes(used), true},
		"TenantEndsUsage":          {"A tenant would be left with the cluster.", user, deletes(used), false},
		"AdminEndsUsage":           {"An administrator can let go of one.", admin, deletes(used), true},
		"GarbageCollector":         {"Kubernetes' own controllers finish a deletion.", gc, patches(live, unfinal), true},
		"GarbageCollectorChanges":  {"But change nothing else.", gc, patches(live, respec), false},
		"AdminDropsFinalizer":      {"An administrator can let go of one that would never go away.", admin, patches(live, unfinal), true},
		"AdminChangesObject":       {"But not make it say anything else.", admin, patches(live, respec), false},
		"AdminCreatesObject":       {"Nor write one.", admin, creates(newWielder(t, "Object", "new")), false},
		"AdminRedirects":           {"Administrators configure how app.ci is reached.", admin, patches(pc, redirect), true},
	}
}
