//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
)

// TestNewField upgrades the clusters to an API with a field that the function that runs
// was built without.
func TestNewField(t *testing.T) {
	alone(t)

	reason := "A field that is added to the EphemeralCluster's types reaches it from a claim, after make generate and nothing else."
	ctx := t.Context()

	next := nextCheckout(t)

	t.Cleanup(func() {
		if err := errors.Join(upgradeAppCI(context.Background(), shared.Root()), upgradeKonflux(context.Background(), shared.Root())); err != nil {
			t.Error(err)
		}
	})

	// Kubernetes wants app.ci to know a field before anything sends it there.
	if err := upgradeAppCI(ctx, next); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := upgradeKonflux(ctx, next); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	claim := exampleClaim(t, "workflow")
	setField(t, claim)

	if err := awaitField(ctx, shared, claim, true); err != nil {
		t.Fatalf("\n%s\nthe claim's API: %v", reason, err)
	}

	l := life.New(shared, "tenant-a", writeClaim(t, claim), io.Discard)
	if err := l.RunTo(ctx, 3); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	hasField(ctx, t, reason, shared, l)

	deleteLife(ctx, t, reason, l)
}
