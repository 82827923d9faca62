//go:build linux

package reconciler

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/jobs"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// A hop is the way from an event to its effect.
type hop string

const (
	hopJob       hop = "created-to-prowjob"
	hopPublished hop = "kubeconfig-to-published"
	hopSignal    hop = "teardown-to-signal"
	hopEnded     hop = "job-end-to-deprovisioned"
)

func hops() []hop { return []hop{hopJob, hopPublished, hopSignal, hopEnded} }

// clients is how many users ask at a time.
const clients = 20

// A fleet is n EphemeralClusters and what was seen of them.
type fleet struct {
	stack *stack.Stack
	n     int
	kube  client.Client

	mu      sync.Mutex
	events  map[hop]map[string]time.Time
	effects map[hop]map[string]time.Time
	jobs    map[string]string // Names of clusters by those of their ProwJobs.
	changed chan struct{}
}

func newFleet(s *stack.Stack, n int) (*fleet, error) {
	cfg := s.AppCI.Admin()
	cfg.QPS = -1

	kube, err := client.New(cfg, client.Options{Scheme: s.AppCI.Scheme()})

	f := &fleet{
		stack: s, n: n, kube: kube,
		events: map[hop]map[string]time.Time{}, effects: map[hop]map[string]time.Time{},
		jobs:    map[string]string{},
		changed: make(chan struct{}, 1),
	}
	for _, h := range hops() {
		f.events[h], f.effects[h] = map[string]time.Time{}, map[string]time.Time{}
	}

	return f, errors.Wrap(err, "cannot make a client")
}

// done hears what has happened to a job.
func (f *fleet) done(name string, e jobs.Event) {
	switch e {
	case jobs.KubeconfigThere:
		f.note(f.events[hopPublished], name)
	case jobs.JobEnded:
		f.note(f.events[hopEnded], name)
	default:
	}
}

// note notes when something was first seen.
func (f *fleet) note(seen map[string]time.Time, name string) {
	now := time.Now()

	f.mu.Lock()
	defer f.mu.Unlock()

	if _, ok := seen[name]; !ok {
		seen[name] = now
	}

	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// hops returns how long each took, for all that were seen to have an event and its
// effect.
func (f *fleet) hops() map[hop][]time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()

	out := map[hop][]time.Duration{}

	for h, events := range f.events {
		for name, at := range events {
			if seen, ok := f.effects[h][name]; ok {
				// A watch can be ahead of the answer to the call.
				out[h] = append(out[h], max(0, seen.Sub(at)))
			}
		}
	}

	return out
}

// live lives all lives. It calls idle while every cluster is ready.
func (f *fleet) live(ctx context.Context, idle func() error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	if err := f.watch(ctx); err != nil {
		return err
	}

	if err := f.each(ctx, func(ctx context.Context, name string) error {
		if err := f.kube.Create(ctx, newEphemeralCluster(name)); err != nil {
			return err
		}

		f.note(f.events[hopJob], name)

		return nil
	}); err != nil {
		return errors.Wrap(err, "cannot create EphemeralClusters")
	}

	if err := f.await(ctx, hopPublished); err != nil {
		return err
	}

	if err := idle(); err != nil {
		return err
	}

	if err := f.each(ctx, func(ctx context.Context, name string) error {
		ec := &apiv1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: name}}
		if err := f.kube.Patch(ctx, ec, client.RawPatch(types.MergePatchType, []byte(`{"spec": {"tearDownCluster": true}}`))); err != nil {
			return err
		}

		f.note(f.events[hopSignal], name)

		return nil
	}); err != nil {
		return errors.Wrap(err, "cannot ask for tear-down")
	}

	if err := f.await(ctx, hopEnded); err != nil {
		return err
	}

	return errors.Wrap(f.each(ctx, func(ctx context.Context, name string) error {
		return f.kube.Delete(ctx, &apiv1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: apiv1.DefaultNamespace, Name: name}})
	}), "cannot delete EphemeralClusters")
}

// each does something for each cluster, several at a time.
func (f *fleet) each(ctx context.Context, do func(ctx context.Context, name string) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clients)

	for i := range f.n {
		g.Go(func() error { return do(ctx, fmt.Sprintf("cluster-%d", i)) })
	}

	return g.Wait()
}

// await waits until an effect was seen of every cluster.
func (f *fleet) await(ctx context.Context, h hop) error {
	for {
		f.mu.Lock()
		seen := len(f.effects[h])
		f.mu.Unlock()

		if seen == f.n {
			return nil
		}

		select {
		case <-ctx.Done():
			return errors.Wrapf(ctx.Err(), "%s: seen of %d of %d clusters", h, seen, f.n)
		case <-f.changed:
		}
	}
}

// watch notes effects until the context is done.
func (f *fleet) watch(ctx context.Context) error {
	if err := f.watchKind(ctx, f.stack.AppCI, &prowv1.ProwJob{}, fields.Everything(), func(o client.Object) {
		name := o.GetLabels()[apiv1.LabelEphemeralCluster]
		f.note(f.effects[hopJob], name)

		f.mu.Lock()
		defer f.mu.Unlock()

		f.jobs[o.GetName()] = name
	}); err != nil {
		return err
	}

	if err := f.watchKind(ctx, f.stack.AppCI, &apiv1.EphemeralCluster{}, fields.Everything(), func(o client.Object) {
		ec, ok := o.(*apiv1.EphemeralCluster)
		if !ok {
			return
		}

		if ec.Status.SecretRef != "" {
			f.note(f.effects[hopPublished], ec.Name)
		}

		if ec.Status.Phase == apiv1.PhaseDeprovisioned && len(ec.Finalizers) == 0 {
			f.note(f.effects[hopEnded], ec.Name)
		}
	}); err != nil {
		return err
	}

	// A signal knows its job, and its job the cluster.
	return f.watchKind(ctx, f.stack.Build01, &corev1.Secret{}, fields.OneTermEqualSelector("metadata.name", apiv1.SecretTestDone), func(o client.Object) {
		f.mu.Lock()
		name := f.jobs[strings.TrimPrefix(o.GetNamespace(), jobs.NamespacePrefix)]
		f.mu.Unlock()

		f.note(f.effects[hopSignal], name)
	})
}

func (f *fleet) watchKind(ctx context.Context, c *stack.Cluster, kind client.Object, selector fields.Selector, see func(client.Object)) error {
	all, err := cache.New(c.Admin(), cache.Options{Scheme: c.Scheme(), ByObject: map[client.Object]cache.ByObject{kind: {Field: selector}}})
	if err != nil {
		return errors.Wrap(err, "cannot make a cache")
	}

	go all.Start(ctx) //nolint:errcheck // It ends with the context.

	i, err := all.GetInformer(ctx, kind)
	if err != nil {
		return errors.Wrapf(err, "cannot watch objects of %s", c.Name)
	}

	note := func(o any) {
		if o, ok := o.(client.Object); ok {
			see(o)
		}
	}

	_, err = i.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, o any) { note(o) }})

	return errors.Wrapf(err, "cannot watch objects of %s", c.Name)
}

// percentile of durations; zero if there are none.
func percentile(of []time.Duration, p int) time.Duration {
	if len(of) == 0 {
		return 0
	}

	sorted := slices.Sorted(slices.Values(of))

	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}

func newEphemeralCluster(name string) *apiv1.EphemeralCluster {
	return &apiv1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: apiv1.DefaultNamespace,
			Name:      name,
			Annotations: map[string]string{
				apiv1.AnnotationKonfluxTenant:   "tenant-a",
				apiv1.AnnotationKonfluxCluster:  stack.KonfluxClusterName,
				apiv1.AnnotationPipelineRunName: "integration-" + name,
			},
		},
		Spec: apiv1.EphemeralClusterSpec{CIOperator: apiv1.CIOperatorSpec{
			Test:     apiv1.Test{Workflow: "ipi-aws", ClusterProfile: "aws", Env: map[string]string{"COMPUTE_NODE_REPLICAS": "2"}},
			Releases: map[string]apiv1.Release{"latest": {Release: &apiv1.ReleaseChannel{Channel: "stable", Version: "4.20"}}},
		}},
	}
}
