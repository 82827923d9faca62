//go:build linux && e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
)

// TestRotation goes through the runbook of deploy/README.md while a cluster is in use.
func TestRotation(t *testing.T) {
	alone(t)

	reason := "A rotation of the Konflux cluster's token interrupts and loses nothing, and ends the old token."
	ctx := t.Context()

	l := life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	before := takeSnapshot(ctx, t, shared, l)
	interrupted := watchInterruption(ctx, l)
	old := heldCredential(ctx, t)

	// There are two tokens.
	configureTokens(t, reason, environments.Credential{TokenVersions: []int{1, 2}})
	apply(ctx, t, shared.ApplyAppCI)

	// The vault has the new one, and so has the cluster.
	issued, err := shared.IssueCredential(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}

	if err := shared.SetCredential(ctx, issued); err != nil {
		t.Fatal(err)
	}

	if got := examine(ctx, t, heldCredential(ctx, t)); got != shared.Deployment.Credential.TokenSecret(2) {
		t.Fatalf("\n%s\nthe cluster's credential is of Secret %q", reason, got)
	}

	// provider-kubernetes watches with it.
	configureTokens(t, reason, environments.Credential{TokenVersions: []int{1, 2}, TokenInUse: 2})
	apply(ctx, t, shared.ApplyKonflux)

	// There is one token again.
	configureTokens(t, reason, environments.Credential{TokenVersions: []int{2}})
	apply(ctx, t, shared.ApplyAppCI)
	apply(ctx, t, shared.ApplyKonflux)

	// The old one is ended by whoever has seen to that, and not by what prunes.
	if _, err := kubeconfig.Examine(ctx, old, nil); err != nil {
		t.Errorf("\n%s\nthe old token has ended by itself: %v", reason, err)
	}

	c := shared.Deployment.Credential
	if err := shared.AppCI.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.TokenSecret(1)}}); err != nil {
		t.Fatal(err)
	}

	awaitRefused(ctx, t, reason, old)

	if diff := cmp.Diff(before, takeSnapshot(ctx, t, shared, l)); diff != "" {
		t.Errorf("\n%s\n-before, +after:\n%s", reason, diff)
	}

	if err := interrupted(); err != nil {
		t.Errorf("\n%s\n%v", reason, err)
	}

	// What happens on app.ci from now on is seen on the Konflux cluster by a watch: the
	// provider looks by itself every ten minutes only.
	endLife(ctx, t, reason, l)

	if err := livesOn(ctx, t); err != nil {
		t.Fatalf("\n%s\nafter the rotation: %v", reason, err)
	}
}

// livesOn lives one whole life.
func livesOn(ctx context.Context, t *testing.T) error {
	t.Helper()

	l := life.New(shared, "tenant-a", example("cluster-claim"), testWriter{t})
	if err := l.Run(ctx); err != nil {
		return err
	}

	return l.Delete(ctx)
}

func configureTokens(t *testing.T, reason string, c environments.Credential) {
	t.Helper()

	if err := shared.Reconfigure(func(e *environments.Environment) {
		c.VaultPath = e.Credential.VaultPath
		e.Credential = c
	}); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

func apply(ctx context.Context, t *testing.T, fn func(context.Context) error) {
	t.Helper()

	if err := fn(ctx); err != nil {
		t.Fatal(err)
	}
}

// heldCredential is the credential of app.ci that the Konflux cluster has.
func heldCredential(ctx context.Context, t *testing.T) []byte {
	t.Helper()

	held := &corev1.Secret{}
	if err := shared.Konflux.Get(ctx, types.NamespacedName{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName}, held); err != nil {
		t.Fatal(err)
	}

	return held.Data[v1alpha1.ProviderSecretKey]
}

// examine returns which Secret a credential is of.
func examine(ctx context.Context, t *testing.T, credential []byte) string {
	t.Helper()

	r, err := kubeconfig.Examine(ctx, credential, nil)
	if err != nil {
		t.Fatal(err)
	}

	return r.Secret
}

// awaitRefused waits until a credential is refused: the API server remembers for a
// while that a token was good.
func awaitRefused(ctx context.Context, t *testing.T, reason string, credential []byte) {
	t.Helper()

	err := wait.PollUntilContextTimeout(ctx, time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := kubeconfig.Examine(ctx, credential, nil)

		return err != nil, nil
	})
	if err != nil {
		t.Fatalf("\n%s\nthe old token still works: %v", reason, err)
	}
}

// watchInterruption watches a claim in use. What it returns ends that, and is an error
// if the claim was not ready at any time.
func watchInterruption(ctx context.Context, l *life.Life) func() error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)

	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(l.Claim().GroupVersionKind())
	list.SetKind(v1alpha1.Kind + "List")

	uid := l.Claim().GetUID()

	seen := false

	go func() {
		_, err := shared.Konflux.Await(ctx, list, func(o client.Object) bool {
			u, ok := o.(*unstructured.Unstructured)
			ours := ok && u.GetUID() == uid
			seen = seen || ours

			return ours && (condition(u, "Ready")["status"] != "True" || condition(u, string(apiv1.ConditionClusterReady))["status"] != "True")
		}, client.InNamespace(l.Namespace))
		done <- err
	}()

	return func() error {
		cancel()

		if err := <-done; err == nil {
			return errors.New("the claim was not ready for a while")
		}

		if !seen {
			return errors.New("the claim was not watched")
		}

		return nil
	}
}
