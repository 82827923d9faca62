//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// failed is the life in a fleet that has ended without a cluster.
const failed = "failed"

// TestUpgrade upgrades app.ci, then the Konflux cluster, and rolls both back, as
// deploy/README.md has it, while there is a cluster in every phase. In between, the
// function and the reconciler are of different versions in both directions.
func TestUpgrade(t *testing.T) {
	reason := "Neither an upgrade nor a rollback loses a cluster, or makes one anew."
	ctx := t.Context()

	current, next := release(t, shared.Root(), "v0.0.1-stack"), release(t, nextCheckout(t), "v0.0.2-stack")

	if current.Function == next.Function || current.Reconciler == next.Reconciler {
		t.Fatalf("\n%s\nboth versions are the same, so this test shows nothing", reason)
	}

	t.Cleanup(func() {
		if err := errors.Join(shared.DeployKonflux(interrupted, shared.Released()), shared.DeployAppCI(interrupted, shared.Released())); err != nil {
			t.Error(err)
		}
	})

	if err := errors.Join(shared.DeployAppCI(ctx, current), shared.DeployKonflux(ctx, current)); err != nil {
		t.Fatal(err)
	}

	fleet := newFleet(ctx, t, reason)
	before := identities(ctx, t, fleet)

	for _, step := range []struct {
		name       string
		reason     string
		do         func(ctx context.Context) error
		function   stack.Release
		reconciler stack.Release
	}{
		{
			name:     "ReconcilerAhead",
			reason:   "A function that is behind passes on what a reconciler that is ahead reports.",
			function: current, reconciler: next,
			do: func(ctx context.Context) error { return shared.DeployAppCI(ctx, next) },
		},
		{
			name:     "Upgraded",
			reason:   "When both are upgraded, claims have what is new.",
			function: next, reconciler: next,
			do: func(ctx context.Context) error { return shared.DeployKonflux(ctx, next) },
		},
		{
			name:     "FunctionAhead",
			reason:   "A reconciler that is behind leaves alone what a function that is ahead asks for.",
			function: next, reconciler: current,
			do: func(ctx context.Context) error { return shared.DeployReconciler(ctx, current) },
		},
		{
			name:     "RolledBack",
			reason:   "After a rollback everything is as it was.",
			function: current, reconciler: current,
			do: func(ctx context.Context) error {
				return errors.Join(shared.DeployKonflux(ctx, current), shared.DeployAppCI(ctx, current))
			},
		},
	} {
		t.Run(step.name, func(t *testing.T) {
			created := len(lasting(t))

			if err := step.do(ctx); err != nil {
				t.Fatalf("\n%s\n%v", step.reason, err)
			}

			served(ctx, t, step.reason, step.function, fleet)

			if diff := cmp.Diff(before, identities(ctx, t, fleet)); diff != "" {
				t.Errorf("\n%s\nclusters: -before, +after:\n%s", reason, diff)
			}

			if diff := cmp.Diff([]string{}, lasting(t)[created:]); diff != "" {
				t.Errorf("\n%s\ncreated or deleted on app.ci meanwhile: -want, +got:\n%s", reason, diff)
			}

			liveUnder(ctx, t, step.reason, step.function == next, step.reconciler == next)
		})
	}

	for name, l := range fleet {
		last := life.Steps
		if name == failed {
			last = 0 // It has ended.
		}

		if err := l.RunTo(ctx, last); err != nil {
			t.Fatalf("\n%s\n%s, after the rollback: %v", reason, name, err)
		}

		if err := l.Delete(ctx); err != nil {
			t.Fatalf("\n%s\n%s: %v", reason, name, err)
		}
	}
}

func release(t *testing.T, root, version string) stack.Release {
	t.Helper()

	r, err := shared.Release(t.Context(), root, version)
	if err != nil {
		t.Fatal(err)
	}

	return r
}

// liveUnder follows a cluster from its beginning to its end under a function and a
// reconciler each of which is ahead or not. Where the function is, so is the claim's API.
func liveUnder(ctx context.Context, t *testing.T, reason string, functionAhead, reconcilerAhead bool) {
	t.Helper()

	claim := exampleClaim(t, "workflow")

	if functionAhead {
		setField(t, claim)

		if err := awaitField(ctx, shared, claim, true); err != nil {
			t.Fatalf("\n%s\n%v", reason, err)
		}
	}

	l := life.New(shared, "tenant-a", writeClaim(t, claim), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if functionAhead {
		hasField(ctx, t, reason, shared, l)
	}

	if c := condition(l.Claim(), nextCondition); (c != nil) != reconcilerAhead {
		t.Errorf("\n%s\ncondition %s of the claim: %v", reason, nextCondition, c)
	}

	// Who has asked for what only the next version knows would be in the way of a rollback.
	endLife(ctx, t, reason, l)
}

// newFleet returns lives in each phase, by its name. What is being provisioned or
// destroyed takes long enough to be so still when the first versions change.
func newFleet(ctx context.Context, t *testing.T, reason string) map[string]*life.Life {
	t.Helper()

	fleet := map[string]*life.Life{}

	for _, c := range []struct {
		phase string
		env   map[string]string
		step  int
	}{
		{"deprovisioned", nil, life.Steps},
		{"ready", nil, 11},
		{"deprovisioning", map[string]string{"STANDIN_DEPROVISION_DELAY": "80s"}, 15},
		{"provisioning", map[string]string{"STANDIN_PROVISION_DELAY": "80s"}, 6},
	} {
		env := c.env
		if env == nil {
			env = map[string]string{"COMPUTE_NODE_REPLICAS": "2"}
		}

		l := life.New(shared, "tenant-a", claimWith(t, "upgrade-"+c.phase, env), io.Discard)
		if err := l.RunTo(ctx, c.step); err != nil {
			t.Fatalf("\n%s\n%s: %v", reason, c.phase, err)
		}

		fleet[c.phase] = l
	}

	refused := exampleClaim(t, "workflow")
	refused.SetName("upgrade-failed")

	if err := unstructured.SetNestedField(refused.Object, "no-such-profile", "spec", "ciOperator", "test", "clusterProfile"); err != nil {
		t.Fatal(err)
	}

	fleet[failed] = life.New(shared, "tenant-a", writeClaim(t, refused), io.Discard)
	if err := fleet[failed].RunTo(ctx, 3); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := fleet[failed].AwaitEphemeralCluster(ctx, func(ec *apiv1.EphemeralCluster) bool { return ec.Status.Phase == apiv1.PhaseFailed }); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	return fleet
}

// identities are what each cluster is on app.ci, by phase.
func identities(ctx context.Context, t *testing.T, fleet map[string]*life.Life) map[string]types.UID {
	t.Helper()

	out := map[string]types.UID{}

	for name, l := range fleet {
		ec := &apiv1.EphemeralCluster{}
		if err := shared.AppCI.Get(ctx, client.ObjectKeyFromObject(l.EphemeralCluster()), ec); err != nil {
			t.Fatal(err)
		}

		out[name] = ec.GetUID()
	}

	return out
}

// lasting lists what provider-kubernetes has created and deleted on app.ci.
func lasting(t *testing.T) []string {
	t.Helper()

	var out []string

	events, err := shared.AppCI.Writes()
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range events {
		// A server-side apply that creates is a patch that is answered so.
		const created = 201

		if e.User.Username == shared.ProviderUser() && (e.Verb == "delete" || e.ResponseStatus.Code == created) {
			out = append(out, e.Verb+" "+e.RequestURI)
		}
	}

	return out
}

// served makes Crossplane look at every cluster, and waits until a version of the
// function has answered for as many.
func served(ctx context.Context, t *testing.T, reason string, r stack.Release, fleet map[string]*life.Life) {
	t.Helper()

	log := stack.ComponentFunction + "-" + r.Version
	before := lines(t, log, "running function")
	look := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"annotations": {"upgrade": "`+t.Name()+`"}}}`))

	for _, l := range fleet {
		if err := shared.Konflux.Patch(ctx, l.Claim().DeepCopy(), look); err != nil {
			t.Fatal(err)
		}
	}

	if !eventually(2*time.Minute, func() bool { return lines(t, log, "running function") >= before+len(fleet) }) {
		t.Fatalf("\n%s\n%s has not answered for all clusters", reason, r.Version)
	}
}
