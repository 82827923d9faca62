//go:build linux && e2e

// Package fault kills the reconciler where it hurts most.
package fault

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/jobs"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// patience is how long anything may take that is to happen at once.
const patience = 3 * time.Minute

// maxWrites are more than any lifetime may need.
const maxWrites = 40

// A lifetime is what becomes of one EphemeralCluster.
type lifetime struct {
	reason string

	// idle is whether the job never starts.
	idle bool

	// until says when the cluster's user does something, and act does it.
	until func(*apiv1.EphemeralCluster) bool
	act   func(context.Context, client.Client, *apiv1.EphemeralCluster) error

	// phase that it ends in, or empty when act deletes it.
	phase apiv1.Phase

	// made is what the reconciler makes, in all: each exactly once.
	made []string
}

func lifetimes() map[string]lifetime {
	ready := func(ec *apiv1.EphemeralCluster) bool { return ec.Status.Phase == apiv1.PhaseReady }
	remove := func(ctx context.Context, c client.Client, ec *apiv1.EphemeralCluster) error { return c.Delete(ctx, ec) }

	return map[string]lifetime{
		"TornDown": {
			reason: "A cluster is provisioned, used and torn down.",
			until:  ready,
			act: func(ctx context.Context, c client.Client, ec *apiv1.EphemeralCluster) error {
				return c.Patch(ctx, ec, client.RawPatch("application/merge-patch+json", []byte(`{"spec": {"tearDownCluster": true}}`)))
			},
			phase: apiv1.PhaseDeprovisioned,
			made:  []string{"prowjobs", "secrets", "signals"},
		},
		"DeletedInUse": {
			reason: "A cluster is deleted while it is in use.",
			until:  ready,
			act:    remove,
			made:   []string{"prowjobs", "secrets", "signals"},
		},
		"DeletedBeforeJobRuns": {
			reason: "A cluster is deleted before its job has run.",
			idle:   true,
			until:  knowsJob,
			act:    remove,
			made:   []string{"prowjobs"},
		},
	}
}

// TestCrash lives every lifetime again and again. Each time the reconciler is killed
// after one more of its writes, until there is none left to be killed after.
func TestCrash(t *testing.T) {
	r := newRig(t)

	for name, l := range lifetimes() {
		t.Run(name, func(t *testing.T) {
			for n := 1; r.live(t, name, l, n); n++ {
				if n > maxWrites {
					t.Fatalf("\n%s\nit takes more than %d writes", l.reason, maxWrites)
				}
			}
		})
	}
}

// A rig is what a lifetime takes place on.
type rig struct {
	stack      *stack.Stack
	gate       *gate
	kubeconfig string

	// idle is true while jobs are not to start.
	idle atomic.Bool
}

func newRig(t *testing.T) *rig {
	t.Helper()

	s, err := stack.Start(t.Context(), stack.Options{CIOnly: true})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(s.Stop)

	r := &rig{stack: s, gate: &gate{}, kubeconfig: filepath.Join(s.Path(), "gate.kubeconfig")}
	if err := clientcmd.WriteToFile(*r.gate.through(t, s), r.kubeconfig); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	player := &jobs.Player{AppCI: s.AppCI.Admin(), Build: s.Build01.Admin(), Hold: r.hold}

	go func() { ended <- player.Run(ctx) }()

	t.Cleanup(func() {
		cancel()

		if err := <-ended; err != nil {
			t.Error(err)
		}
	})

	return r
}

// hold lets a job go on once the reconciler has said what it knows of it, so that
// every lifetime takes the same writes.
func (r *rig) hold(name string, e jobs.Event) bool {
	if r.idle.Load() {
		return true
	}

	ec := &apiv1.EphemeralCluster{}
	if err := r.stack.AppCI.Get(context.Background(), client.ObjectKey{Namespace: apiv1.DefaultNamespace, Name: name}, ec); err != nil {
		return false
	}

	ready := ""
	if c := ec.Status.GetCondition(apiv1.ConditionClusterReady); c != nil {
		ready = c.Message
	}

	switch e {
	case jobs.JobStarted:
		return !knowsJob(ec)
	case jobs.NamespaceThere:
		return ready == "" || ec.Status.ProwJobURL == ""
	case jobs.KubeconfigThere:
		return !strings.HasPrefix(ready, apiv1.MessageKubeconfigNotReady)
	case jobs.JobEnded:
		return !ec.Status.IsTrue(apiv1.ConditionTestCompleted)
	default:
		return false
	}
}

// knowsJob reports whether the reconciler has said all that it says of a ProwJob before it
// runs, which takes it two writes.
func knowsJob(ec *apiv1.EphemeralCluster) bool {
	c := ec.Status.GetCondition(apiv1.ConditionProwJobCreating)

	return c != nil && c.Reason == apiv1.ReasonProwJobCreated
}

// live is one lifetime, in which the reconciler is killed after its nth write, and
// started again. It reports whether there was an nth write.
func (r *rig) live(t *testing.T, name string, l lifetime, n int) bool {
	t.Helper()

	r.idle.Store(l.idle)

	before, closings := len(r.writes(t)), r.gate.closings()
	first := r.start(t, n)

	defer first.Stop()

	ec := newEphemeralCluster(fmt.Sprintf("%s-%d", strings.ToLower(name), n))
	if err := r.stack.AppCI.Create(t.Context(), ec); err != nil {
		t.Fatal(err)
	}

	over := make(chan error, 1)

	go func() { over <- r.use(t.Context(), l, ec.DeepCopy()) }()

	var err error

	select {
	case <-first.Done():
		if !eventually(t, func() bool { return len(r.writes(t))-before == n }) {
			t.Errorf("\n%s\nkilled after write %d, but the audit log has:\n%s", l.reason, n, describe(r.writes(t)[before:]))
		}

		second := r.start(t, -1)
		defer second.Stop()

		err = <-over
	case err = <-over:
	}

	if err != nil {
		t.Fatalf("\n%s\nkilled after write %d, it does not end: %v\n%s\n%s", l.reason, n, err, r.statusOf(ec), r.stack.LogTail(stack.ComponentReconciler))
	}

	// What it is killed after may be what ends the lifetime.
	killed := r.gate.closings() > closings

	writes := r.writes(t)[before:]
	if diff := cmp.Diff(l.made, created(writes)); diff != "" {
		t.Errorf("\n%s\nkilled after write %d, what was made: -want, +got:\n%s\n%s", l.reason, n, diff, describe(writes))
	}

	if !killed {
		checkUndisturbed(t, n-1, writes)
	}

	return killed
}

// start starts a reconciler that is killed after some writes.
func (r *rig) start(t *testing.T, writes int, more ...string) *process.Process {
	t.Helper()

	started := make(chan *process.Process, 1)

	r.gate.open(writes, func() {
		p := <-started
		_ = p.Signal(os.Kill)
	})

	args := slices.Clone(r.stack.ReconcilerArgs)
	args = append(args, "--kubeconfig="+r.kubeconfig)
	args = append(args, more...)

	p, err := r.stack.RunReconciler(t.Context(), stack.ComponentReconciler, args...)
	if err != nil {
		t.Fatal(err)
	}

	started <- p

	return p
}

// use does what the cluster's user does, and returns once the lifetime is over and
// everything of it deleted.
func (r *rig) use(ctx context.Context, l lifetime, ec *apiv1.EphemeralCluster) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	await := func(match func(*apiv1.EphemeralCluster) bool) error {
		_, err := r.stack.AppCI.Await(ctx, &apiv1.EphemeralClusterList{}, func(o client.Object) bool {
			got, ok := o.(*apiv1.EphemeralCluster)

			return ok && got.Name == ec.Name && match(got)
		}, client.InNamespace(ec.Namespace))

		return err
	}

	if err := await(l.until); err != nil {
		return errors.Wrap(err, "the user waits in vain")
	}

	if err := l.act(ctx, r.stack.AppCI, ec); err != nil {
		return errors.Wrap(err, "the user cannot act")
	}

	if l.phase != "" {
		if err := await(func(ec *apiv1.EphemeralCluster) bool { return ec.Status.Phase == l.phase && len(ec.Finalizers) == 0 }); err != nil {
			return errors.Wrapf(err, "it does not become %s", l.phase)
		}

		if err := r.stack.AppCI.Delete(ctx, ec); err != nil {
			return errors.Wrap(err, "cannot delete it")
		}
	}

	if err := r.stack.AppCI.AwaitGone(ctx, ec); err != nil {
		return err
	}

	_, err := r.stack.AppCI.Await(ctx, &prowv1.ProwJobList{}, func(o client.Object) bool {
		pj, ok := o.(*prowv1.ProwJob)

		return ok && pj.Complete()
	}, client.MatchingLabels{apiv1.LabelEphemeralCluster: ec.Name})

	return errors.Wrap(err, "its ProwJob does not end")
}

// statusOf is what there is to see of an EphemeralCluster and its ProwJob.
func (r *rig) statusOf(ec *apiv1.EphemeralCluster) string {
	pjs := &prowv1.ProwJobList{}
	_ = r.stack.AppCI.List(context.Background(), pjs, client.MatchingLabels{apiv1.LabelEphemeralCluster: ec.Name})
	_ = r.stack.AppCI.Get(context.Background(), client.ObjectKeyFromObject(ec), ec)

	s := fmt.Sprintf("EphemeralCluster: %+v", ec.Status)
	for _, pj := range pjs.Items {
		s += fmt.Sprintf("\nProwJob: %+v", pj.Status)
	}

	return s
}

func newEphemeralCluster(name string) *apiv1.EphemeralCluster {
	return &apiv1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   apiv1.DefaultNamespace,
			Name:        name,
			Annotations: map[string]string{apiv1.AnnotationKonfluxTenant: "tenant-a", apiv1.AnnotationKonfluxCluster: stack.KonfluxClusterName},
		},
		Spec: apiv1.EphemeralClusterSpec{CIOperator: apiv1.CIOperatorSpec{
			Test:     apiv1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"},
			Releases: map[string]apiv1.Release{"latest": {Release: &apiv1.ReleaseChannel{Channel: "stable", Version: "4.20"}}},
		}},
	}
}
