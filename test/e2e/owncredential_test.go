//go:build linux && e2e

package e2e

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestOwnCredential gives the Konflux cluster a credential and a namespace of its own, as
// deploy/README.md has it, and takes both from it again, while clusters are in use.
func TestOwnCredential(t *testing.T) {
	alone(t)

	if *externalSecrets {
		t.Skip("the stack's vault has one path")
	}

	const (
		own       = "ephemeral-cluster-own"
		ownSecret = "konflux-" + stack.KonfluxClusterName + "-token-v1"
	)

	reason := "A change of credentials interrupts and loses nothing, and ends with the other one alone."
	ctx := t.Context()
	environment := shared.Deployment.Credential

	credential := func(inUse bool) *environments.Credential {
		return &environments.Credential{VaultPath: "own/appci-cluster", TokenVersions: []int{1}, InUse: inUse}
	}

	l := life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	before := takeSnapshot(ctx, t, shared, l)
	interrupted := watchInterruption(ctx, l)

	// 1. It is there, and the reconciler looks after its namespace.
	configureCluster(t, reason, environments.Cluster{Namespace: own, FormerNamespaces: []string{apiv1.DefaultNamespace}, Credential: credential(false)})
	apply(ctx, t, shared.ApplyAppCI)
	alone := reconcileToo(ctx, t, own)
	apply(ctx, t, shared.ApplyKonflux)

	// 2. and 3. The cluster fetches it.
	fetchOther(ctx, t, reason, ownSecret, environments.Cluster{
		Namespace: own, FormerNamespaces: []string{apiv1.DefaultNamespace}, Credential: credential(true), FormerCredential: "staging",
	})

	// 4. The cluster has it.
	configureCluster(t, reason, environments.Cluster{Namespace: own, FormerNamespaces: []string{apiv1.DefaultNamespace}, Credential: credential(true)})
	apply(ctx, t, shared.ApplyKonflux)
	apply(ctx, t, shared.ApplyAppCI)

	if diff := cmp.Diff(before, takeSnapshot(ctx, t, shared, l)); diff != "" {
		t.Errorf("\n%s\n-before, +after:\n%s", reason, diff)
	}

	if err := interrupted(); err != nil {
		t.Errorf("\n%s\n%v", reason, err)
	}

	// What was begun with the former ends by the other.
	endLife(ctx, t, reason, l)

	// What is new is in the other namespace, and there is a way back for it.
	l = life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if diff := cmp.Diff(own, l.EphemeralCluster().GetNamespace()); diff != "" {
		t.Errorf("\n%s\nthe namespace of what is new: -want, +got:\n%s", reason, diff)
	}

	fetchOther(ctx, t, reason, environment.TokenSecret(environment.TokenInUse), environments.Cluster{
		Namespace: own, FormerNamespaces: []string{own}, Credential: credential(false), FormerCredential: stack.KonfluxClusterName,
	})

	configureCluster(t, reason, environments.Cluster{FormerNamespaces: []string{own}})
	apply(ctx, t, shared.ApplyKonflux)
	apply(ctx, t, shared.ApplyAppCI)
	endLife(ctx, t, reason, l)

	alone()
	configureCluster(t, reason, environments.Cluster{})
	apply(ctx, t, shared.ApplyAppCI)

	if err := livesOn(ctx, t); err != nil {
		t.Fatalf("\n%s\nafter the way back: %v", reason, err)
	}
}

// fetchOther lets the Konflux cluster change to another credential, and fetch it.
func fetchOther(ctx context.Context, t *testing.T, reason, secret string, c environments.Cluster) {
	t.Helper()

	configureCluster(t, reason, c)
	apply(ctx, t, shared.ApplyAppCI)

	issued, err := shared.IssueCredential(ctx, shared.Deployment.Credential.TokenInUse)
	if err != nil {
		t.Fatal(err)
	}

	apply(ctx, t, shared.ApplyKonflux)

	if err := shared.SetCredential(ctx, issued); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(secret, examine(ctx, t, heldCredential(ctx, t))); diff != "" {
		t.Fatalf("\n%s\nthe Secret of the cluster's credential: -want, +got:\n%s", reason, diff)
	}
}

// configureCluster generates the manifests anew, with the Konflux cluster changed.
func configureCluster(t *testing.T, reason string, c environments.Cluster) {
	t.Helper()

	if err := shared.Reconfigure(func(e *environments.Environment) {
		for i := range e.Clusters {
			if e.Clusters[i].Name == stack.KonfluxClusterName {
				c.Name = stack.KonfluxClusterName
				e.Clusters[i] = c
			}
		}
	}); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

// reconcileToo has the reconciler look after one more namespace, until the test has ended or
// what it returns is called.
func reconcileToo(ctx context.Context, t *testing.T, namespace string) func() {
	t.Helper()

	flags := shared.ReconcilerArgs
	alone := sync.OnceFunc(func() { //nolint:contextcheck // It outlasts the test's context.
		if err := shared.ReplaceReconciler(interrupted, stack.ComponentReconciler, flags...); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(alone)

	if err := shared.ReplaceReconciler(ctx, "reconciler-own", append(slices.Clone(flags), "--namespace="+namespace)...); err != nil {
		t.Fatal(err)
	}

	return alone
}
