package config

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
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

	// As an API server has it.
	x.Spec.DefaultCompositionUpdatePolicy = new(xpv2.UpdateAutomatic)

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
		filepath.Join(moduleDir(t, components.ExternalSecretsModule), components.ExternalSecretCRD),
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
			Subjects: []rbacv1.Subject{
				{Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: "generic-garbage-collector"},
				{Kind: rbacv1.ServiceAccountKind, Namespace: "kube-system", Name: "namespace-controller"},
				{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: "system:kube-controller-manager"},
			},
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

// TestKonfluxClaims tries what tenants may and may not do where claims are served.
func TestKonfluxClaims(t *testing.T) {
	p := newCheckout(t, repository)
	generate(t, p)
	c := startKonflux(t, p, "xrd/claims.yaml", "konflux/staging/stg-1")

	bound := newTPC(t, tenant, "bound", ", resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: mine}, compositionUpdatePolicy: Automatic, compositionRevisionRef: {name: current}, writeConnectionSecretToRef: {name: s}")
	unbound := newTPC(t, tenant, "unbound", "")
	composite := object(t, "{apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, metadata: {name: mine}, spec: {ciOperator: {}}}")

	crossplane := c.asAccount(t, "crossplane-system", "crossplane")
	user := c.as(t, "tenant")
	viewer := c.as(t, "viewer")
	admin := c.as(t, "somebody", "system:masters")

	table := aboutObjects(t, c)

	eventually(t, func() error { return crossplane.Create(t.Context(), copyOf(bound)) })
	c.create(t, copyOf(unbound), copyOf(composite))

	const (
		tearDown = `{"spec": {"tearDownCluster": true}}`
		hijack   = `{"spec": {"resourceRef": {"apiVersion": "ci.openshift.org/v1alpha1", "kind": "XTestPlatformCluster", "name": "anothers"}}}`
		unbind   = `{"spec": {"resourceRef": null}}`
		manual   = `{"spec": {"compositionUpdatePolicy": "Manual"}}`
		pin      = `{"spec": {"compositionRevisionRef": {"name": "former"}}}`
		unpin    = `{"spec": {"compositionRevisionRef": null}}`
		pick     = `{"spec": {"compositionRevisionSelector": {"matchLabels": {"channel": "former"}}}}`
	)

	maps.Copy(table, map[string]attempt{
		"Create":             {"Tenants ask for clusters.", user, creates(newTPC(t, tenant, "new", "")), true},
		"NameSecret":         {"A Secret can be named later.", user, patches(unbound, `{"spec": {"writeConnectionSecretToRef": {"name": "s"}}}`), true},
		"KeepSecret":         {"And named again.", user, patches(bound, `{"spec": {"writeConnectionSecretToRef": {"name": "s"}}}`), true},
		"RenameSecret":       {"Crossplane would leave a copy under the former name.", user, patches(bound, `{"spec": {"writeConnectionSecretToRef": {"name": "another"}}}`), false},
		"UnnameSecret":       {"And so it would without a name.", user, patches(bound, `{"spec": {"writeConnectionSecretToRef": null}}`), false},
		"Orphan":             {"A cluster has an owner.", user, orphans(bound), false},
		"OrphanLater":        {"Also when the deletion does not say how.", user, patches(bound, `{"metadata": {"finalizers": ["orphan"]}}`), false},
		"OrphanComposite":    {"A composite takes its Objects along.", crossplane, orphans(composite), false},
		"CreateBound":        {"But not for a composite that there is.", user, creates(newTPC(t, tenant, "new", ", resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: anothers}")), false},
		"CreateElsewhere":    {"Nor in another's namespace.", user, creates(newTPC(t, "team-b", "new", "")), false},
		"CreateManual":       {"Nor one that stays with the Composition of its day.", user, creates(newTPC(t, tenant, "new", ", compositionUpdatePolicy: Manual")), false},
		"CreateAutomatic":    {"To say what is so anyway does no harm.", user, creates(newTPC(t, tenant, "new", ", compositionUpdatePolicy: Automatic")), true},
		"CreatePinned":       {"Nor one by a revision that they choose.", user, creates(newTPC(t, tenant, "new", ", compositionRevisionRef: {name: former}")), false},
		"CreatePicked":       {"Or by its labels.", user, creates(newTPC(t, tenant, "new", ", compositionRevisionSelector: {matchLabels: {channel: former}}")), false},
		"Manual":             {"One that there is follows its Composition.", user, patches(bound, manual), false},
		"Pin":                {"And is made by no other revision.", user, patches(bound, pin), false},
		"Unpin":              {"What Crossplane would say again can be left out.", user, patches(bound, unpin), true},
		"Pick":               {"Nor by a choice of revisions.", user, patches(bound, pick), false},
		"CrossplanePins":     {"Crossplane says which revision it is.", crossplane, patches(bound, pin), true},
		"CrossplanePicks":    {"And has its own choice.", crossplane, patches(bound, pick), true},
		"TearDown":           {"A pipeline tears down what it asked for.", user, patches(bound, tearDown), true},
		"Bind":               {"A claim that is not bound yet is bound by Crossplane.", user, patches(unbound, hijack), false},
		"Rebind":             {"One that is stays so.", user, patches(bound, hijack), false},
		"Unbind":             {"Unbound, its cluster would be lost.", user, patches(bound, unbind), false},
		"Delete":             {"A tenant may be done with it.", user, deletes(bound), true},
		"Status":             {"The status is Crossplane's.", user, patchesStatus(bound, `{"status": {"phase": "Ready"}}`), false},
		"Composite":          {"Composites are none of a tenant's business.", user, patches(composite, tearDown), false},
		"View":               {"Who may view may view.", viewer, gets(bound), true},
		"ViewerCreates":      {"And no more.", viewer, creates(newTPC(t, tenant, "new", "")), false},
		"AdminRestores":      {"An administrator restores claims as they were, or nobody could tear down what is behind them.", admin, creates(newTPC(t, tenant, "restored", ", resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: mine}, compositionUpdatePolicy: Automatic, compositionRevisionRef: {name: current}")), true},
		"AdminBinds":         {"And binds one that was restored without.", admin, patches(unbound, hijack), true},
		"AdminUnbinds":       {"But loses no cluster by leaving it out.", admin, patches(bound, unbind), false},
		"CrossplaneBinds":    {"Crossplane binds.", crossplane, patches(unbound, hijack), true},
		"CrossplaneReports":  {"And reports.", crossplane, patchesStatus(bound, `{"status": {"phase": "Ready"}}`), true},
		"CrossplaneComposes": {"And keeps composites.", crossplane, patches(composite, tearDown), true},
	})

	attempts(t, table, "TenantCreatesObject", "CreateBound", "Create", "View")

	// As kubectl replace does, and Argo CD with Replace=true.
	err := user.Patch(t.Context(), copyOf(bound), client.RawPatch(types.MergePatchType, []byte(unbind)), client.DryRunAll)
	if err == nil || !strings.Contains(err.Error(), "spec.resourceRef, which Crossplane has set, would be removed: use kubectl apply, not replace") {
		t.Errorf("Whoever leaves out what Crossplane has set is told what to do, got %v", err)
	}
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

	const (
		adopt  = `{"spec": {"crossplane": {"resourceRefs": [{"apiVersion": "v1", "kind": "Secret", "name": "anothers"}]}}}`
		manual = `{"spec": {"crossplane": {"compositionUpdatePolicy": "Manual"}}}`
		pin    = `{"spec": {"crossplane": {"compositionRevisionRef": {"name": "former"}}}}`
		pick   = `{"spec": {"crossplane": {"compositionRevisionSelector": {"matchLabels": {"channel": "former"}}}}}`
	)

	maps.Copy(table, map[string]attempt{
		"Create":            {"Tenants ask for clusters.", user, creates(newTPC(t, tenant, "new", ", writeConnectionSecretToRef: {name: s}")), true},
		"RenameSecret":      {"The Secret moves with its name.", user, patches(live, `{"spec": {"writeConnectionSecretToRef": {"name": "another"}}}`), true},
		"Delete":            {"A tenant may be done with it.", user, deletes(live), true},
		"Orphan":            {"But a cluster has an owner.", user, orphans(live), false},
		"OrphanLater":       {"Also when the deletion does not say how.", user, patches(live, `{"metadata": {"finalizers": ["orphan"]}}`), false},
		"CreateElsewhere":   {"But not in another's namespace.", user, creates(newTPC(t, "team-b", "new", "")), false},
		"CreateWithParts":   {"Nor with parts that they choose.", user, creates(newTPC(t, tenant, "new", ", crossplane: {resourceRefs: [{apiVersion: v1, kind: Secret, name: anothers}]}")), false},
		"CreateWithNothing": {"What the API server fills in is nobody's choice.", user, creates(newTPC(t, tenant, "new", ", crossplane: {}")), true},
		"CreateManual":      {"Nor one that stays with the Composition of its day.", user, creates(newTPC(t, tenant, "new", ", crossplane: {compositionUpdatePolicy: Manual}")), false},
		"CreatePinned":      {"Nor one by a revision that they choose.", user, creates(newTPC(t, tenant, "new", ", crossplane: {compositionRevisionRef: {name: former}}")), false},
		"CreatePicked":      {"Or by its labels.", user, creates(newTPC(t, tenant, "new", ", crossplane: {compositionRevisionSelector: {matchLabels: {channel: former}}}")), false},
		"Manual":            {"One that there is follows its Composition.", user, patches(live, manual), false},
		"Pin":               {"And is made by no other revision.", user, patches(live, pin), false},
		"Pick":              {"Nor by a choice of revisions.", user, patches(live, pick), false},
		"CrossplanePins":    {"Crossplane says which revision it is.", crossplane, patches(live, pin), true},
		"CrossplanePicks":   {"And has its own choice.", crossplane, patches(live, pick), true},
		"TearDown":          {"A pipeline tears down what it asked for.", user, patches(live, `{"spec": {"tearDownCluster": true}}`), true},
		"Adopt":             {"What a composite has is Crossplane's to say.", user, patches(live, adopt), false},
		"CrossplaneAdopts":  {"And it does.", crossplane, patches(live, adopt), true},
		"CrossplaneReports": {"It reports.", crossplane, patchesStatus(live, `{"status": {"phase": "Ready"}}`), true},
	})

	attempts(t, table, "TenantCreatesObject", "CreateWithParts", "Create")
}
