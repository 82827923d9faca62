//go:build linux && e2e

package e2e

import (
	"context"
	"testing"
	"time"

	pkmv1alpha1 "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// An attempt is something that somebody tries.
type attempt struct {
	reason  string
	try     func(context.Context) error
	allowed bool
}

// refusals tries everything, and reports what is allowed and should not be, or is
// refused and should not be.
func refusals(t *testing.T, attempts map[string]attempt) {
	t.Helper()

	for name, a := range attempts {
		t.Run(name, func(t *testing.T) {
			err := a.try(t.Context())

			// The API server heeds a binding that has just been made in a moment.
			if a.allowed && !eventually(time.Minute, func() bool {
				if kerrors.IsForbidden(err) {
					err = a.try(t.Context())
				}

				return err == nil
			}) {
				t.Errorf("\n%s\nwant it allowed, got %v", a.reason, err)
			}

			// A policy refuses with Invalid, RBAC with Forbidden.
			if !a.allowed && !kerrors.IsForbidden(err) && !kerrors.IsInvalid(err) {
				t.Errorf("\n%s\nwant it refused, got %v", a.reason, err)
			}
		})
	}
}

// TestProviderRights uses the credential that the Konflux cluster has of app.ci.
func TestProviderRights(t *testing.T) {
	parallel(t, lives)

	provider := clientOf(t, shared.AppCI, heldCredential(t.Context(), t))

	// Nobody else's clusters and credentials are to be in its reach.
	secret := create(t, shared.AppCI, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: "another-credentials"},
		StringData: map[string]string{"k": "v"},
	})
	others := create(t, shared.AppCI, newRequest("others", "kflux-prd-rh02"))

	const merge = types.MergePatchType

	overwrite := client.RawPatch(merge, []byte(`{"stringData": {"k": "taken"}}`))
	retag := client.RawPatch(merge, []byte(`{"metadata": {"annotations": {"`+apiv1.AnnotationKonfluxTenant+`": "tenant-b"}}}`))
	tearDown := client.RawPatch(merge, []byte(`{"spec": {"tearDownCluster": true}}`))
	forge := client.RawPatch(merge, []byte(`{"status": {"phase": "Ready", "secretRef": "another-credentials"}}`))

	refusals(t, map[string]attempt{
		"ObserveSecret": {
			reason: "Credentials are read one by one, by name.",
			try: func(ctx context.Context) error {
				return provider.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{})
			},
			allowed: true,
		},
		"DryRunOfPatch": {
			reason: "The provider computes what it observes by a dry run.",
			try: func(ctx context.Context) error {
				return provider.Patch(ctx, secret.DeepCopy(), overwrite, client.DryRunAll)
			},
			allowed: true,
		},
		"PatchSecret": {
			reason: "No credential can be overwritten.",
			try:    func(ctx context.Context) error { return provider.Patch(ctx, secret.DeepCopy(), overwrite) },
		},
		"ListSecrets": {
			reason: "No credential can be found without knowing its name.",
			try: func(ctx context.Context) error {
				return provider.List(ctx, &corev1.SecretList{}, client.InNamespace(secret.Namespace))
			},
		},
		"DeleteSecret": {
			reason: "No credential can be deleted.",
			try:    func(ctx context.Context) error { return provider.Delete(ctx, secret.DeepCopy()) },
		},
		"SecretElsewhere": {
			reason: "Nothing can be read outside the namespace of EphemeralClusters.",
			try: func(ctx context.Context) error {
				return provider.Get(ctx, types.NamespacedName{Namespace: "ci", Name: "any"}, &corev1.Secret{})
			},
		},
		"OwnToken": {
			reason: "No credential can read tokens, its own included.",
			try: func(ctx context.Context) error {
				c := shared.Deployment.Credential

				return provider.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.TokenSecret(c.TokenInUse)}, &corev1.Secret{})
			},
		},
		"ListEphemeralClusters": {
			reason:  "The provider's watch knows no namespace.",
			try:     func(ctx context.Context) error { return provider.List(ctx, &apiv1.EphemeralClusterList{}) },
			allowed: true,
		},
		"CreateForOwnCluster": {
			reason: "It makes EphemeralClusters of its own Konflux cluster.",
			try: func(ctx context.Context) error {
				return provider.Create(ctx, newRequest("own", stack.KonfluxClusterName), client.DryRunAll)
			},
			allowed: true,
		},
		"CreateForAnotherCluster": {
			reason: "Cluster profiles are granted by Konflux cluster: none can speak for another.",
			try: func(ctx context.Context) error {
				return provider.Create(ctx, newRequest("disguised", "kflux-prd-rh02"), client.DryRunAll)
			},
		},
		"CreateForNobody": {
			reason: "Nor say of none whose it is.",
			try: func(ctx context.Context) error {
				ec := newRequest("anonymous", stack.KonfluxClusterName)
				delete(ec.Annotations, apiv1.AnnotationKonfluxTenant)

				return provider.Create(ctx, ec, client.DryRunAll)
			},
		},
		"CreateElsewhere": {
			reason: "A namespace of another environment is out of reach.",
			try: func(ctx context.Context) error {
				ec := newRequest("elsewhere", stack.KonfluxClusterName)
				ec.Namespace = "ephemeral-cluster-development"

				return provider.Create(ctx, ec, client.DryRunAll)
			},
		},
		"EndAnothers": {
			reason: "Another Konflux cluster's cluster is not its to tear down.",
			try:    func(ctx context.Context) error { return provider.Patch(ctx, others.DeepCopy(), tearDown) },
		},
		"DeleteAnothers": {
			reason: "Nor to delete.",
			try:    func(ctx context.Context) error { return provider.Delete(ctx, others.DeepCopy()) },
		},
		"Retag": {
			reason: "Whose a cluster is cannot be changed.",
			try:    func(ctx context.Context) error { return provider.Patch(ctx, others.DeepCopy(), retag) },
		},
		"ForgeStatus": {
			reason: "What a cluster's status says is the reconciler's word.",
			try:    func(ctx context.Context) error { return provider.Status().Patch(ctx, others.DeepCopy(), forge) },
		},
		"CreateProwJob": {
			reason: "Jobs are the reconciler's to create.",
			try: func(ctx context.Context) error {
				return provider.Create(ctx, &prowv1.ProwJob{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "forged"}})
			},
		},
	})
}

// TestOtherEnvironment uses the credential of an environment whose namespace is its
// own.
func TestOtherEnvironment(t *testing.T) {
	parallel(t, lives)

	secret := create(t, shared.AppCI, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: "staging-credentials"},
	})

	b, err := kubeconfig.Issue(t.Context(), shared.AppCI.Admin(), kubeconfig.Request{
		Namespace: environments.CredentialsNamespace, ServiceAccount: "konflux-development", Secret: "konflux-development-token-v1", Cluster: stack.AppCI,
	})
	if err != nil {
		t.Fatal(err)
	}

	development := clientOf(t, shared.AppCI, b)

	refusals(t, map[string]attempt{
		"ReadSecret": {
			reason: "Credentials of another environment are out of its reach, even by name.",
			try: func(ctx context.Context) error {
				return development.Get(ctx, client.ObjectKeyFromObject(secret), &corev1.Secret{})
			},
		},
		"Create": {
			reason: "So is the namespace of its clusters.",
			try: func(ctx context.Context) error {
				return development.Create(ctx, newRequest("intruder", stack.KonfluxClusterName), client.DryRunAll)
			},
		},
	})
}

// TestReconcilerRights uses the reconciler's credentials.
func TestReconcilerRights(t *testing.T) {
	parallel(t, lives)

	onAppCI := clientOf(t, shared.AppCI, accountOf(t, shared.AppCI, "ci", "ephemeralcluster-reconciler"))
	onBuild := clientOf(t, shared.Build01, accountOf(t, shared.Build01, "ci", "ephemeralcluster-reconciler"))

	ns := create(t, shared.Build01, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ci-op-rights", Labels: map[string]string{apiv1.LabelJobID: "rights"}}})
	named := func(namespace, name string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}

	refusals(t, map[string]attempt{
		"CreateEphemeralCluster": {
			reason: "Clusters are asked for by Konflux clusters only.",
			try: func(ctx context.Context) error {
				return onAppCI.Create(ctx, newRequest("own", stack.KonfluxClusterName), client.DryRunAll)
			},
		},
		"ListSecrets": {
			reason: "It reads the Secrets of clusters that it knows.",
			try: func(ctx context.Context) error {
				return onAppCI.List(ctx, &corev1.SecretList{}, client.InNamespace(apiv1.DefaultNamespace))
			},
		},
		"DeleteProwJob": {
			reason: "It aborts jobs, and leaves it to Prow to clear them away.",
			try: func(ctx context.Context) error {
				return onAppCI.Delete(ctx, &prowv1.ProwJob{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "any"}})
			},
		},
		"ListKubeconfigs": {
			reason: "On a build cluster it sees the Secrets of the names that it is to publish.",
			try: func(ctx context.Context) error {
				return onBuild.List(ctx, &corev1.SecretList{}, client.MatchingFields{"metadata.name": apiv1.TestName})
			},
			allowed: true,
		},
		"ListAllSecrets": {
			reason: "And no others.",
			try:    func(ctx context.Context) error { return onBuild.List(ctx, &corev1.SecretList{}) },
		},
		"Signal": {
			reason: "It tells ci-operator that a test is done.",
			try: func(ctx context.Context) error {
				return onBuild.Create(ctx, named(ns.Name, apiv1.SecretTestDone), client.DryRunAll)
			},
			allowed: true,
		},
		"OtherSecret": {
			reason: "And writes nothing else there.",
			try:    func(ctx context.Context) error { return onBuild.Create(ctx, named(ns.Name, "other"), client.DryRunAll) },
		},
		"SignalElsewhere": {
			reason: "Nor anywhere else.",
			try: func(ctx context.Context) error {
				return onBuild.Create(ctx, named("ci", apiv1.SecretTestDone), client.DryRunAll)
			},
		},
	})
}

// TestTenantRights is a pipeline's ServiceAccount that may edit in its namespace.
func TestTenantRights(t *testing.T) {
	parallel(t, lives)

	const namespace = "tenant-rights"

	create(t, shared.Konflux, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})

	credential := accountOf(t, shared.Konflux, namespace, "pipeline")

	create(t, shared.Konflux, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "edit"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "pipeline"}},
	})

	tenant := clientOf(t, shared.Konflux, credential)

	newClaim := func(name string) *unstructured.Unstructured {
		claim := exampleClaim(t, "cluster-claim")
		claim.SetNamespace(namespace)
		claim.SetName(name)

		return claim
	}

	wielder := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kubernetes.m.crossplane.io/v1alpha1",
		"kind":       "Object",
		"metadata":   map[string]any{"namespace": namespace, "name": "mine"},
		"spec": map[string]any{
			"providerConfigRef": map[string]any{"kind": pkmv1alpha1.ClusterProviderConfigKind, "name": v1alpha1.ProviderConfigName},
			"forProvider":       map[string]any{"manifest": map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": apiv1.DefaultNamespace, "name": "x"}}},
		},
	}}

	refusals(t, map[string]attempt{
		"CreateClaim": {
			reason:  "Tenants ask for clusters.",
			try:     func(ctx context.Context) error { return tenant.Create(ctx, newClaim("claim"), client.DryRunAll) },
			allowed: true,
		},
		"BindClaim": {
			reason: "But not for one that exists, and may be another's.",
			try: func(ctx context.Context) error {
				claim := newClaim("bound")
				ref := map[string]any{"apiVersion": v1alpha1.Group + "/" + v1alpha1.Version, "kind": v1alpha1.CompositeKind, "name": "anothers"}

				if err := unstructured.SetNestedMap(claim.Object, ref, "spec", "resourceRef"); err != nil {
					return err
				}

				return tenant.Create(ctx, claim, client.DryRunAll)
			},
		},
		"ClaimElsewhere": {
			reason: "Nor in another tenant's namespace.",
			try: func(ctx context.Context) error {
				claim := newClaim("elsewhere")
				claim.SetNamespace("default")

				return tenant.Create(ctx, claim, client.DryRunAll)
			},
		},
		"WieldCredential": {
			reason: "Whoever writes an Object wields the credential of app.ci.",
			try:    func(ctx context.Context) error { return tenant.Create(ctx, wielder.DeepCopy(), client.DryRunAll) },
		},
		"ReadCredential": {
			reason: "Which no tenant can read.",
			try: func(ctx context.Context) error {
				return tenant.Get(ctx, types.NamespacedName{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName}, &corev1.Secret{})
			},
		},
		"ReadConnections": {
			reason: "Nor can it others' kubeconfigs.",
			try: func(ctx context.Context) error {
				return tenant.List(ctx, &corev1.SecretList{}, client.InNamespace(v1alpha1.ConnectionSecretNamespace))
			},
		},
	})
}

// newRequest returns an EphemeralCluster of a Konflux cluster. It asks for nothing that
// can be had, so that no job is created for it.
func newRequest(name, konfluxCluster string) *apiv1.EphemeralCluster {
	ec := &apiv1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{
		Namespace: apiv1.DefaultNamespace,
		Name:      name,
		Annotations: map[string]string{
			apiv1.AnnotationKonfluxTenant:  "tenant-a",
			apiv1.AnnotationKonfluxCluster: konfluxCluster,
		},
	}}
	ec.Spec.CIOperator.Test.Workflow = "ipi-aws"

	return ec
}

// create creates an object, which is deleted at the end of the test.
func create[T client.Object](t *testing.T, c *stack.Cluster, o T) T {
	t.Helper()

	if err := c.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := client.IgnoreNotFound(c.Delete(context.Background(), o)); err != nil {
			t.Error(err)
		}
	})

	return o
}

func accountOf(t *testing.T, c *stack.Cluster, namespace, name string) []byte {
	t.Helper()

	b, err := c.ServiceAccountKubeconfig(t.Context(), c.Name, namespace, name)
	if err != nil {
		t.Fatal(err)
	}

	return b
}

// clientOf returns a client that has a kubeconfig.
func clientOf(t *testing.T, c *stack.Cluster, kubeconfig []byte) client.Client {
	t.Helper()

	cfg, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}

	out, err := client.New(cfg, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}

	return out
}
