//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestBuildClusters spreads two lives over two build clusters, and cuts one of these
// off while both clusters are in use.
func TestBuildClusters(t *testing.T) {
	parallel(t, stacks)

	reason := "An outage of a build cluster is told where it matters, delays nobody else, and ends nothing."
	ctx := t.Context()

	// TestLife is of claims, and TestInstall of Configurations.
	s, err := stack.Start(ctx, stack.Options{API: stack.Namespaced, Out: testWriter{t}, Spread: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()

	one := life.New(s, "tenant-a", example("workflow"), io.Discard)
	two := life.New(s, "tenant-a", example("cluster-claim"), io.Discard)

	// The tenant's namespace is made by the first.
	if err := one.RunTo(ctx, 1); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := together(ctx, 11, one, two); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if on := two.ProwJob().Spec.Cluster; on == one.ProwJob().Spec.Cluster {
		t.Fatalf("\n%s\nboth jobs run on %s, so this test shows nothing", reason, on)
	}

	cut := two.BuildCluster()
	if err := cut.Freeze(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = cut.Thaw() })

	// The pipeline of the second ends in the outage: its signal cannot be given.
	if err := two.RunTo(ctx, 14); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := one.Run(ctx); err != nil {
		t.Fatalf("\n%s\nthe life on the other build cluster: %v", reason, err)
	}

	toldCtx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()

	if err := two.AwaitEphemeralCluster(toldCtx, func(ec *apiv1.EphemeralCluster) bool {
		for _, c := range ec.Status.Conditions {
			if strings.Contains(c.Message, cut.Name) && strings.Contains(c.Message, "unavailable") {
				return true
			}
		}

		return false
	}); err != nil {
		t.Fatalf("\n%s\nno condition names %s: %v %+v", reason, cut.Name, err, two.EphemeralCluster().Status.Conditions)
	}

	if phase := two.EphemeralCluster().Status.Phase; phase == apiv1.PhaseFailed {
		t.Errorf("\n%s\nthe cluster is %s", reason, phase)
	}

	if err := cut.Thaw(); err != nil {
		t.Fatal(err)
	}

	if err := two.Run(ctx); err != nil {
		t.Fatalf("\n%s\nafter the outage: %v", reason, err)
	}

	for _, l := range []*life.Life{one, two} {
		if err := l.Delete(ctx); err != nil {
			t.Fatalf("\n%s\n%v", reason, err)
		}
	}
}

// together runs lives side by side up to a step.
func together(ctx context.Context, last int, lives ...*life.Life) error {
	g, ctx := errgroup.WithContext(ctx)

	for _, l := range lives {
		g.Go(func() error { return l.RunTo(ctx, last) })
	}

	return g.Wait()
}
