//go:build linux && e2e

package fault

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestReplicas runs two reconcilers, as app.ci does, and kills the one that leads in
// the middle of a lifetime.
func TestReplicas(t *testing.T) {
	const standby = "standby"

	r := newRig(t)
	l := lifetimes()["TornDown"]

	// Before the ProwJob is known, and when the credentials are being published.
	for _, n := range []int{2, 6} {
		t.Run(fmt.Sprintf("Write%d", n), func(t *testing.T) {
			before := len(r.writes(t))
			leader := r.start(t, n, "--leader-elect=true")

			defer leader.Stop()

			first := r.holder(t, "")

			second, err := r.stack.RunReconciler(t.Context(), standby, append(slices.Clone(r.stack.ReconcilerArgs), "--leader-elect=true")...)
			if err != nil {
				t.Fatal(err)
			}
			defer second.Stop()

			ec := newEphemeralCluster(fmt.Sprintf("replicas-%d", n))
			if err := r.stack.AppCI.Create(t.Context(), ec); err != nil {
				t.Fatal(err)
			}

			if err := r.use(t.Context(), l, ec.DeepCopy()); err != nil {
				t.Fatalf("\n%s\nwhen the leader was killed after write %d, it does not end: %v\n%s\n%s", l.reason, n, err, r.statusOf(ec), r.stack.LogTail(standby))
			}

			if got := r.holder(t, first); got == first {
				t.Errorf("\n%s\nthe leader is still %s, so this test shows nothing", l.reason, got)
			}

			select {
			case <-second.Done():
				t.Errorf("\n%s\nthe one that took over has ended: %v\n%s", l.reason, second.Err(), r.stack.LogTail(standby))
			default:
			}

			writes := r.writes(t)[before:]
			if diff := cmp.Diff(l.made, created(writes)); diff != "" {
				t.Errorf("\n%s\nwhat was made, in all: -want, +got:\n%s\n%s", l.reason, diff, describe(writes))
			}

			r.release(t)
		})
	}
}

// holder returns who leads, once it is somebody else than given.
func (r *rig) holder(t *testing.T, than string) string {
	t.Helper()

	holder := ""

	eventually(t, func() bool {
		lease := &coordinationv1.Lease{}
		if err := r.stack.AppCI.Get(t.Context(), leaseKey(), lease); err != nil || lease.Spec.HolderIdentity == nil {
			return false
		}

		holder = *lease.Spec.HolderIdentity

		return holder != than && holder != ""
	})

	return holder
}

// release takes the Lease away, so that whoever comes next need not wait for its end.
func (r *rig) release(t *testing.T) {
	t.Helper()

	lease := &coordinationv1.Lease{}
	lease.Namespace, lease.Name = leaseKey().Namespace, leaseKey().Name

	if err := r.stack.AppCI.Delete(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
}

func leaseKey() types.NamespacedName {
	return types.NamespacedName{Namespace: "ci", Name: "ephemeral-cluster-reconciler"}
}
