//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"testing"
	"time"

	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	protectionv1beta1 "github.com/crossplane/crossplane/apis/v2/protection/v1beta1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestDrainConfiguration goes through the same as TestDrain where a Configuration has brought
// what is there.
func TestDrainConfiguration(t *testing.T) {
	reason := "A Konflux cluster whose Configuration offers claims gets the one with namespaced composites, once its clusters have ended."
	ctx := t.Context()

	s, err := stack.Start(ctx, stack.Options{Configuration: true, Out: testWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()

	l := life.New(s, "tenant-a", example("workflow"), io.Discard)
	endLife(ctx, t, reason, l)

	// Nothing lives by the definition any more, nor by the Configuration that has it.
	for _, of := range []string{"definition", "configuration"} {
		if err := s.DeleteUsages(ctx, of); err != nil {
			t.Fatalf("\n%s\n%v", reason, err)
		}
	}

	if err := s.DeleteConfiguration(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := s.ServeAPI(ctx, stack.Namespaced); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	endLife(ctx, t, reason, life.New(s, "tenant-a", example("workflow"), testWriter{t}))

	takeAway(ctx, t, s)
}

// takeAway takes everything away from a Konflux cluster whose clusters have ended, but
// Crossplane.
func takeAway(ctx context.Context, t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "What is taken away leaves nothing of ours, and takes nothing of others'."

	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()

	gone, err := s.TakeAway(ctx)
	if err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	for _, o := range gone {
		if err := s.Konflux.AwaitGone(ctx, o); err != nil {
			t.Errorf("\n%s\n%v", reason, err)
		}
	}

	left := map[string]int{}

	for kind, list := range map[string]client.ObjectList{
		"Configuration":               &pkgv1.ConfigurationList{},
		"Function":                    &pkgv1.FunctionList{},
		"Provider":                    &pkgv1.ProviderList{},
		"CompositeResourceDefinition": &xpextv1.CompositeResourceDefinitionList{},
		"Composition":                 &xpextv1.CompositionList{},
		"ClusterUsage":                &protectionv1beta1.ClusterUsageList{},
	} {
		if err := s.Konflux.List(ctx, list); err != nil {
			t.Fatal(err)
		}

		if n := meta.LenList(list); n > 0 {
			left[kind] = n
		}
	}

	if diff := cmp.Diff(map[string]int{}, left); diff != "" {
		t.Errorf("\n%s\n-want, +got what is left:\n%s", reason, diff)
	}

	for _, name := range []string{v1alpha1.ProviderSecretNamespace, v1alpha1.ConnectionSecretNamespace} {
		ns := &corev1.Namespace{}
		if err := s.Konflux.Get(ctx, types.NamespacedName{Name: name}, ns); err != nil || !ns.GetDeletionTimestamp().IsZero() {
			t.Errorf("\n%s\nnamespace %s is gone, or going (error %v)", reason, name, err)
		}
	}
}
