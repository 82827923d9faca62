//go:build linux && e2e

package e2e

import (
	"context"
	"testing"
	"time"

	objectv1alpha2 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestCollision asks for a name on app.ci that another Konflux cluster has taken.
func TestCollision(t *testing.T) {
	parallel(t, lives)

	reason := "A claim that names another Konflux cluster's EphemeralCluster can neither change it nor read its credentials, and says so."
	ctx := t.Context()

	other := newOthersCluster()
	if err := shared.AppCI.Create(ctx, other); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { deleteAndAwait(context.WithoutCancel(ctx), t, shared.AppCI, other) })

	readyCtx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()

	if _, err := shared.AppCI.Await(readyCtx, &apiv1.EphemeralClusterList{}, func(o client.Object) bool {
		ec, ok := o.(*apiv1.EphemeralCluster)

		return ok && ec.Name == other.Name && ec.Status.Phase == apiv1.PhaseReady && ec.Status.SecretRef != ""
	}, client.InNamespace(other.Namespace)); err != nil {
		t.Fatalf("\n%s\nthe other cluster does not become ready: %v", reason, err)
	}

	if err := shared.AppCI.Get(ctx, client.ObjectKeyFromObject(other), other); err != nil {
		t.Fatal(err)
	}

	writes := providerWrites(t, shared, other.Name)
	claim := newCollidingClaim(t, other.Name)

	tenant := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: claim.GetNamespace()}}
	if err := shared.Konflux.ApplyAll(ctx, tenant); err != nil {
		t.Fatal(err)
	}

	// A policy keeps everybody else from that, as TestTenantRights shows.
	if err := asCrossplane(t).Create(ctx, claim); err != nil {
		t.Fatal(err)
	}

	// What the claim is told is told once the Object has seen whose the name is.
	if err := awaitNotOurs(ctx, claim); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	holdsNoCredential(ctx, t, reason, claim, other.Name)
	deleteAndAwait(ctx, t, shared.Konflux, claim)
	deleteAndAwait(ctx, t, shared.Konflux, &objectv1alpha2.Object{ObjectMeta: metav1.ObjectMeta{Name: "managed-" + other.Name}})

	after := &apiv1.EphemeralCluster{}
	if err := shared.AppCI.Get(ctx, client.ObjectKeyFromObject(other), after); err != nil {
		t.Fatalf("\n%s\nafter the claim was deleted: %v", reason, err)
	}

	if diff := cmp.Diff(other.ObjectMeta, after.ObjectMeta); diff != "" {
		t.Errorf("\n%s\nthe other cluster's object: -before, +after:\n%s", reason, diff)
	}

	if diff := cmp.Diff(writes, providerWrites(t, shared, other.Name)); diff != "" {
		t.Errorf("\n%s\nwrites of it to app.ci: -before, +after:\n%s", reason, diff)
	}
}

// newOthersCluster returns what another Konflux cluster has asked for, for a tenant
// of the same name.
func newOthersCluster() *apiv1.EphemeralCluster {
	ec := &apiv1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{
		Namespace: apiv1.DefaultNamespace,
		Name:      "collision-x7m4q",
		Annotations: map[string]string{
			apiv1.AnnotationKonfluxTenant:  "tenant-a",
			apiv1.AnnotationKonfluxCluster: "kflux-prd-rh02",
		},
	}}
	ec.Spec.CIOperator.Test.Workflow = "generic-claim"
	ec.Spec.CIOperator.Test.ClusterClaim = &apiv1.ClusterClaim{Cloud: "aws", Owner: "openshift-ci", Version: "4.20"}

	return ec
}

// newCollidingClaim returns a claim that chooses its composite's name.
func newCollidingClaim(t *testing.T, composite string) *unstructured.Unstructured {
	t.Helper()

	claim := exampleClaim(t, "cluster-claim")
	claim.SetNamespace("tenant-a")
	claim.SetName("collision")

	if err := unstructured.SetNestedStringMap(claim.Object, map[string]string{
		"apiVersion": v1alpha1.Group + "/" + v1alpha1.Version,
		"kind":       v1alpha1.CompositeKind,
		"name":       composite,
	}, "spec", "resourceRef"); err != nil {
		t.Fatal(err)
	}

	return claim
}

// asCrossplane returns a client that is Crossplane.
func asCrossplane(t *testing.T) client.Client {
	t.Helper()

	cfg := shared.Konflux.Admin()
	cfg.Impersonate.UserName = "system:serviceaccount:" + v1alpha1.ProviderSecretNamespace + ":crossplane"

	c, err := client.New(cfg, client.Options{Scheme: shared.Konflux.Scheme()})
	if err != nil {
		t.Fatal(err)
	}

	return c
}

func awaitNotOurs(ctx context.Context, claim *unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(claim.GroupVersionKind())
	list.SetKind(v1alpha1.Kind + "List")

	_, err := shared.Konflux.Await(ctx, list, func(o client.Object) bool {
		u, ok := o.(*unstructured.Unstructured)

		for _, typ := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionCredentialsPublished, string(apiv1.ConditionClusterReady)} {
			ok = ok && u.GetName() == claim.GetName() && condition(u, typ)["reason"] == v1alpha1.ReasonNotOurs && condition(u, typ)["status"] == "False"
		}

		return ok && condition(u, "Ready")["status"] == "False"
	}, client.InNamespace(claim.GetNamespace()))

	return err
}

// holdsNoCredential makes sure that nothing on the Konflux cluster has what belongs
// to the other.
func holdsNoCredential(ctx context.Context, t *testing.T, reason string, claim *unstructured.Unstructured, composite string) {
	t.Helper()

	name, _, _ := unstructured.NestedString(claim.Object, "spec", "writeConnectionSecretToRef", "name")

	for _, key := range []types.NamespacedName{
		{Namespace: claim.GetNamespace(), Name: name},
		{Namespace: v1alpha1.ConnectionSecretNamespace, Name: "credentials-" + composite},
	} {
		secret := &corev1.Secret{}
		if err := shared.Konflux.Get(ctx, key, secret); err != nil && !kerrors.IsNotFound(err) {
			t.Fatal(err)
		}

		if len(secret.Data[apiv1.KeyKubeconfig]) > 0 {
			t.Errorf("\n%s\nSecret %s holds a kubeconfig", reason, key)
		}
	}

	err := shared.Konflux.Get(ctx, types.NamespacedName{Name: "credentials-" + composite}, &objectv1alpha2.Object{})
	if !kerrors.IsNotFound(err) {
		t.Errorf("\n%s\nwant no Object that reads the credentials, got %v", reason, err)
	}
}

func deleteAndAwait(ctx context.Context, t *testing.T, c *stack.Cluster, o client.Object) {
	t.Helper()

	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()

	if err := client.IgnoreNotFound(c.Delete(ctx, o)); err != nil {
		t.Fatal(err)
	}

	if err := c.AwaitGone(ctx, o); err != nil {
		t.Fatal(err)
	}
}
