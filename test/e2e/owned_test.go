//go:build linux && e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestOwned ends what a tenant has asked for in ways that leave nobody to ask, in both
// modes.
func TestOwned(t *testing.T) {
	t.Parallel()

	// A cluster that is being made, and one in use.
	steps := []int{4, 11}

	t.Run(string(stack.Claims), func(t *testing.T) {
		beside(t)

		for _, step := range steps {
			owned(t, shared, step)
		}
	})

	t.Run(string(stack.Namespaced), func(t *testing.T) {
		onOwnStack(t)

		s, err := stack.Start(t.Context(), stack.Options{API: stack.Namespaced, Out: testWriter{t}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()

		for _, step := range steps {
			owned(t, s, step)
		}
	})
}

// ownedClaim writes a claim that any tenant may make to a file.
func ownedClaim(t *testing.T, name string) string {
	t.Helper()

	claim := exampleClaim(t, "cluster-claim")
	claim.SetName(name)

	if err := unstructured.SetNestedField(claim.Object, name+"-secret", "spec", "writeConnectionSecretToRef", "name"); err != nil {
		t.Fatal(err)
	}

	return writeClaim(t, claim)
}

func owned(t *testing.T, s *stack.Stack, step int) {
	t.Helper()

	ctx, reason := t.Context(), "No cluster is left without an owner."

	l := life.New(s, "tenant-owned", ownedClaim(t, fmt.Sprintf("owned-%d", step)), io.Discard)
	if err := l.RunTo(ctx, step); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	err := s.Konflux.Delete(ctx, l.Claim().DeepCopy(), client.PropagationPolicy(metav1.DeletePropagationOrphan))
	if err == nil || !strings.Contains(err.Error(), "nobody owns") {
		t.Errorf("\n%s\nwant a deletion that orphans refused, got %v", reason, err)
	}

	if s.API == stack.Namespaced && step == 11 {
		renameSecret(t, s, l)
	}

	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.Namespace}}

	ctx, cancel := context.WithTimeout(ctx, aWhile)
	defer cancel()

	if err := s.Konflux.Delete(ctx, ns); err != nil {
		t.Fatal(err)
	}

	if err := s.Konflux.AwaitGone(ctx, ns); err != nil {
		t.Fatalf("\n%s\nthe tenant's namespace does not go: %v", reason, err)
	}

	if err := s.AppCI.AwaitGone(ctx, l.EphemeralCluster()); err != nil {
		t.Fatalf("\n%s\nits cluster does not: %v", reason, err)
	}
}

func renameSecret(t *testing.T, s *stack.Stack, l *life.Life) {
	t.Helper()

	reason := "A Secret that is renamed moves, and leaves no copy."

	former, _, _ := unstructured.NestedString(l.Claim().Object, "spec", "writeConnectionSecretToRef", "name")
	patchClaim(t, s, l.Claim(), `{"spec": {"writeConnectionSecretToRef": {"name": "moved"}}}`)

	moved := &corev1.Secret{}
	if !eventually(soon, func() bool {
		return s.Konflux.Get(t.Context(), types.NamespacedName{Namespace: l.Namespace, Name: "moved"}, moved) == nil &&
			len(moved.Data[apiv1.KeyKubeconfig]) > 0
	}) {
		t.Errorf("\n%s\nthere is no Secret of the new name", reason)
	}

	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()

	if err := s.Konflux.AwaitGone(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: former}}); err != nil {
		t.Errorf("\n%s\n%v", reason, err)
	}
}
