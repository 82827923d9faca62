//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"testing"
	"time"

	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	protectionv1beta1 "github.com/crossplane/crossplane/apis/v2/protection/v1beta1"
	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestDrain goes through "Change the API mode of a cluster" of deploy/README.md.
func TestDrain(t *testing.T) {
	reason := "A Konflux cluster that served claims serves namespaced composites, once its clusters have ended."
	ctx := t.Context()

	s, err := stack.Start(ctx, stack.Options{Out: testWriter{t}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()

	xrd := &xpextv1.CompositeResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CompositePlural + "." + v1alpha1.Group}}
	claim := &extv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.Plural + "." + v1alpha1.Group}}

	l := life.New(s, "tenant-a", example("workflow"), io.Discard)
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	keeps(t, s, reason, xrd.DeepCopy())

	// Its clusters end.
	endLife(ctx, t, reason, l)

	// Nothing lives by the XRD any more.
	remove(ctx, t, reason, s, &protectionv1beta1.ClusterUsage{ObjectMeta: metav1.ObjectMeta{Name: "testplatform-definition-claims"}})
	remove(ctx, t, reason, s, xrd)

	if err := s.Konflux.AwaitGone(ctx, claim); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := s.ServeAPI(ctx, stack.Namespaced); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	// The same manifest is a namespaced composite now.
	l = life.New(s, "tenant-a", example("workflow"), testWriter{t})
	if err := l.Run(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deleteLife(ctx, t, reason, l)

	takeAway(ctx, t, s)
}

// TestBeside goes through "A new Konflux cluster beside the old" of deploy/README.md.
func TestBeside(t *testing.T) {
	reason := "A tenant moves from a Konflux cluster that serves claims to a new one that serves namespaced composites."
	ctx := t.Context()

	old := life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := old.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	// 1. and 2. There is a new cluster.
	s, err := stack.Start(ctx, stack.Options{API: stack.Namespaced, Beside: shared, Out: testWriter{t}})
	if err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
	defer s.Stop()

	// 3. The same manifest is for another cluster there.
	moved := life.New(s, "tenant-a", claimWith(t, "workflow", map[string]string{"COMPUTE_NODE_REPLICAS": "2"}), testWriter{t})
	if err := moved.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if old.EphemeralCluster().GetName() == moved.EphemeralCluster().GetName() {
		t.Errorf("\n%s\nboth have EphemeralCluster %q", reason, moved.EphemeralCluster().GetName())
	}

	from := [2]string{}
	for i, l := range []*life.Life{old, moved} {
		from[i] = l.EphemeralCluster().GetAnnotations()[apiv1.AnnotationKonfluxCluster]
	}

	if diff := cmp.Diff([2]string{"stone-stg-rh01", "stone-stage-p01"}, from); diff != "" {
		t.Errorf("\n%s\nwhere they come from: -want, +got:\n%s", reason, diff)
	}

	// 4. What has begun on the old one ends there.
	for _, l := range []*life.Life{old, moved} {
		if err := l.Run(ctx); err != nil {
			t.Fatalf("\n%s\n%v", reason, err)
		}

		if err := l.Delete(ctx); err != nil {
			t.Fatalf("\n%s\n%v", reason, err)
		}
	}
}

// remove deletes an object and waits until it is gone.
func remove(ctx context.Context, t *testing.T, reason string, s *stack.Stack, o client.Object) {
	t.Helper()

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()

	if err := s.Konflux.Delete(ctx, o); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := s.Konflux.AwaitGone(ctx, o); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}
