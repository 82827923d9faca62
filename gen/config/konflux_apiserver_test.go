package config

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

const tenant = "team-a"

// startKonflux starts a Konflux cluster, with what Crossplane serves for an XRD of this
// checkout, and applies its tree. People have the rights there that Crossplane's RBAC
// manager would give them, too.
func startKonflux(t *testing.T, p Paths, xrdFile, dir string) *cluster {
	t.Helper()

	b, err := os.ReadFile(filepath.Join(p.Root, xrdFile))
	if err != nil {
		t.Fatal(err)
	}

	x := &xv1.CompositeResourceDefinition{}
	if err := yaml.Unmarshal(b, x); err != nil {
		t.Fatal(err)
	}

	served, err := xrd.Serve(x)
	if err != nil {
		t.Fatalf("Serve(...): %v", err)
	}

	crds := make([]*extv1.CustomResourceDefinition, 0, len(served))
	for _, s := range served {
		// It refers to an XRD that is not there yet.
		s.SetOwnerReferences(nil)
		crds = append(crds, s)
	}

	c := startCluster(t, []string{
		moduleDir(t, components.CrossplaneModule) + "/cluster/crds/*.yaml",
		moduleDir(t, components.ProviderKubernetesModule) + "/package/crds/*.yaml",
		foreignDir(t, "github.com/external-secrets/external-secrets") + "/config/crds/bases/external-secrets.io_externalsecrets.yaml",
	}, crds, tenant, "team-b")

	c.apply(t, filepath.Join(p.Root, p.Out, dir))

	c.create(t,
		bind(tenant, "tenant", konflux.EditRole),
		bind(tenant, "viewer", konflux.ViewRole),
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "crossplane:provider:aggregate-to-edit"},
			Rules: []rbacv1.PolicyRule{{
				APIGroups: []string{"kubernetes.m.crossplane.io"},
				Resources: []string{rbacv1.ResourceAll},
				Verbs:     []string{rbacv1.VerbAll},
			}},
		},
		bind(tenant, "tenant", "crossplane:provider:aggregate-to-edit"),
		// What Kubernetes' controllers may do; nothing has installed their roles here.
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: "gc"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "crossplane:provider:aggregate-to-edit"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: "generic-garbage-collector"}},
		},
	)

	return c
}

// bind lets a user do in a namespace what a ClusterRole says.
func bind(namespace, user, role string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "b-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}
}

// newTPC returns a TestPlatformCluster: a claim, or a composite.
func newTPC(t *testing.T, namespace, name, more string) *unstructured.Unstructured {
	t.Helper()

	u := object(t, "{apiVersion: ci.openshift.org/v1alpha1, kind: TestPlatformCluster, spec: {ciOperator: {}"+more+"}}")
	u.SetNamespace(namespace)
	u.SetName(name)

	return u
}

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
	user := c.as(t, "tenant")
	admin := c.as(t, "somebody", "system:masters")

	// The credential's own policy is not in force yet when Crossplane has its rights.
	eventually(t, func() error { return crossplane.Create(t.Context(), copyOf(live)) })

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
		"GarbageCollector":         {"Kubernetes' own controllers finish a deletion.", gc, patches(live, unfinal), true},
		"GarbageCollectorChanges":  {"But change nothing else.", gc, patches(live, respec), false},
		"AdminDropsFinalizer":      {"An administrator can let go of one that would never go away.", admin, patches(live, unfinal), true},
		"AdminChangesObject":       {"But not make it say anything else.", admin, patches(live, respec), false},
		"AdminCreatesObject":       {"Nor write one.", admin, creates(newWielder(t, "Object", "new")), false},
		"AdminRedirects":           {"Administrators configure how app.ci is reached.", admin, patches(pc, redirect), true},
	}
}

// TestKonfluxClaims tries what tenants may and may not do where claims are served.
func TestKonfluxClaims(t *testing.T) {
	p := newCheckout(t, repository)
	generate(t, p)
	c := startKonflux(t, p, "xrd/claims.yaml", "konflux/staging/stg-1")

	bound := newTPC(t, tenant, "bound", ", resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: mine}")
	unbound := newTPC(t, tenant, "unbound", "")
	composite := object(t, "{apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, metadata: {name: mine}, spec: {ciOperator: {}}}")

	crossplane := c.asAccount(t, "crossplane-system", "crossplane")
	user := c.as(t, "tenant")
	viewer := c.as(t, "viewer")

	table := aboutObjects(t, c)

	eventually(t, func() error { return crossplane.Create(t.Context(), copyOf(bound)) })
	c.create(t, copyOf(unbound), copyOf(composite))

	const (
		tearDown = `{"spec": {"tearDownCluster": true}}`
		hijack   = `{"spec": {"resourceRef": {"apiVersion": "ci.openshift.org/v1alpha1", "kind": "XTestPlatformCluster", "name": "anothers"}}}`
		unbind   = `{"spec": {"resourceRef": null}}`
	)

	maps.Copy(table, map[string]attempt{
		"Create":             {"Tenants ask for clusters.", user, creates(newTPC(t, tenant, "new", "")), true},
		"CreateBound":        {"But not for a composite that there is.", user, creates(newTPC(t, tenant, "new", ", resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: anothers}")), false},
		"CreateElsewhere":    {"Nor in another's namespace.", user, creates(newTPC(t, "team-b", "new", "")), false},
		"TearDown":           {"A pipeline tears down what it asked for.", user, patches(bound, tearDown), true},
		"Bind":               {"A claim that is not bound yet is bound by Crossplane.", user, patches(unbound, hijack), false},
		"Rebind":             {"One that is stays so.", user, patches(bound, hijack), false},
		"Unbind":             {"Unbound, its cluster would be lost.", user, patches(bound, unbind), false},
		"Delete":             {"A tenant may be done with it.", user, deletes(bound), true},
		"Status":             {"The status is Crossplane's.", user, patchesStatus(bound, `{"status": {"phase": "Ready"}}`), false},
		"Composite":          {"Composites are none of a tenant's business.", user, patches(composite, tearDown), false},
		"View":               {"Who may view may view.", viewer, gets(bound), true},
		"ViewerCreates":      {"And no more.", viewer, creates(newTPC(t, tenant, "new", "")), false},
		"CrossplaneBinds":    {"Crossplane binds.", crossplane, patches(unbound, hijack), true},
		"CrossplaneReports":  {"And reports.", crossplane, patchesStatus(bound, `{"status": {"phase": "Ready"}}`), true},
		"CrossplaneComposes": {"And keeps composites.", crossplane, patches(composite, tearDown), true},
	})

	attempts(t, table, "TenantCreatesObject", "CreateBound", "Create", "View")
}

// TestKonfluxV2 tries what they may where namespaced composites are served.
func TestKonfluxV2(t *testing.T) {
	p := newCheckout(t, repository)
	generate(t, p)
	c := startKonflux(t, p, "xrd/v2.yaml", "konflux/production/prd-2")

	live := newTPC(t, tenant, "live", ", crossplane: {resourceRefs: [{apiVersion: v1, kind: Secret, name: mine}]}")

	crossplane := c.asAccount(t, "crossplane-system", "crossplane")
	user := c.as(t, "tenant")

	table := aboutObjects(t, c)

	eventually(t, func() error { return crossplane.Create(t.Context(), copyOf(live)) })

	const adopt = `{"spec": {"crossplane": {"resourceRefs": [{"apiVersion": "v1", "kind": "Secret", "name": "anothers"}]}}}`

	maps.Copy(table, map[string]attempt{
		"Create":            {"Tenants ask for clusters.", user, creates(newTPC(t, tenant, "new", ", writeConnectionSecretToRef: {name: s}")), true},
		"CreateElsewhere":   {"But not in another's namespace.", user, creates(newTPC(t, "team-b", "new", "")), false},
		"CreateWithParts":   {"Nor with parts that they choose.", user, creates(newTPC(t, tenant, "new", ", crossplane: {resourceRefs: [{apiVersion: v1, kind: Secret, name: anothers}]}")), false},
		"TearDown":          {"A pipeline tears down what it asked for.", user, patches(live, `{"spec": {"tearDownCluster": true}}`), true},
		"Adopt":             {"What a composite has is Crossplane's to say.", user, patches(live, adopt), false},
		"CrossplaneAdopts":  {"And it does.", crossplane, patches(live, adopt), true},
		"CrossplaneReports": {"It reports.", crossplane, patchesStatus(live, `{"status": {"phase": "Ready"}}`), true},
	})

	attempts(t, table, "TenantCreatesObject", "CreateWithParts", "Create")
}
