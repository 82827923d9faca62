package ephemeralcluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// TestLeftovers has a ProwJob deleted by somebody while its pod lives on.
func TestLeftovers(t *testing.T) {
	type pass struct {
		finalized bool
		signalled []string
		err       error
	}

	lost := func(mods ...func(*v1.EphemeralCluster)) *v1.EphemeralCluster {
		return newCluster(append([]func(*v1.EphemeralCluster){finalizer, status(running(ready))}, mods...)...)
	}

	cases := map[string]struct {
		reason string
		ec     *v1.EphemeralCluster
		set    func(*harness)
		want   []pass
	}{
		"Found": {
			reason: "What is left is told to tear down before the EphemeralCluster is let go.",
			ec:     lost(),
			set: func(h *harness) {
				h.farm["build02"] = &fakeCluster{namespaces: map[string][]string{jobName: {"ci-op-x"}}}
			},
			want: []pass{{signalled: []string{"ci-op-x"}}, {signalled: []string{"ci-op-x"}}},
		},
		"Deleted": {
			reason: "So it is when the EphemeralCluster is deleted.",
			ec:     lost(deleting),
			set: func(h *harness) {
				h.farm["build02"] = &fakeCluster{namespaces: map[string][]string{jobName: {"ci-op-x"}}}
			},
			want: []pass{{signalled: []string{"ci-op-x"}}, {signalled: []string{"ci-op-x"}}},
		},
		"NotNow": {
			reason: "A signal that cannot be written is tried again, and the finalizer waits for it.",
			ec:     lost(),
			set: func(h *harness) {
				h.farm["build02"] = &fakeCluster{namespaces: map[string][]string{jobName: {"ci-op-x"}}, signalErr: errBoom}
			},
			want: []pass{{finalized: true, err: errBoom}, {finalized: true, err: errBoom}},
		},
		"Elsewhere": {
			reason: "A build cluster that was never seen cannot be searched.",
			ec:     lost(),
			set: func(h *harness) {
				h.farm["build02"] = &fakeCluster{err: buildfarm.UnavailableError{Cluster: "build02", Reason: "x"}}
			},
			want: []pass{{}, {}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, []client.Object{tc.ec})
			tc.set(h)

			got := make([]pass, 0, len(tc.want))

			for range tc.want {
				_, err := h.try()

				p := pass{signalled: h.farm["build02"].signalled, err: err}
				if ec := h.get(); ec != nil {
					p.finalized = controllerutil.ContainsFinalizer(ec, v1.Finalizer)
				}

				got = append(got, p)
			}

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(pass{}), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nReconcile(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
