//go:build linux

// Package jobs plays Prow and ci-operator for the reconciler's ProwJobs, as far as
// API servers can tell: there is no Pod, and no cluster. It serves tests and
// benchmarks that have no use for real ones; test/ciop is the stand-in that makes
// real clusters.
package jobs

import (
	"context"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// NamespacePrefix starts the names of ci-operator's namespaces; the ProwJob's name
// follows.
const NamespacePrefix = "ci-op-"

// An Event is something that the player has just done for an EphemeralCluster.
type Event string

// Events, in their order.
const (
	// JobStarted: the ProwJob is pending.
	JobStarted Event = "job started"

	// NamespaceThere: ci-operator has its namespace.
	NamespaceThere Event = "namespace there"

	// KubeconfigThere: ci-operator's Secret has the kubeconfig.
	KubeconfigThere Event = "kubeconfig there"

	// JobEnded: the ProwJob has ended, after the signal or because it was aborted.
	JobEnded Event = "job ended"
)

// A Player does what Prow and ci-operator would do next, at once.
type Player struct {
	AppCI *rest.Config
	Build *rest.Config

	// Hold, if set, keeps the player from an event while it returns true.
	Hold func(ephemeralCluster string, e Event) bool

	// Done, if set, is told of each event after it, and may be called concurrently.
	Done func(ephemeralCluster string, e Event)

	appCI client.Client
	build client.Client
}

// Run plays until the context is done.
func (p *Player) Run(ctx context.Context) error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientscheme.AddToScheme, prowv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return errors.Wrap(err, "cannot register API types")
		}
	}

	m, err := ctrl.NewManager(unlimited(p.AppCI), ctrl.Options{Scheme: scheme, Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		return errors.Wrap(err, "cannot make a manager")
	}

	signals, err := cluster.New(unlimited(p.Build), func(o *cluster.Options) {
		o.Scheme = scheme
		o.Cache.ByObject = map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Field: fields.OneTermEqualSelector("metadata.name", apiv1.SecretTestDone)},
		}
	})
	if err != nil {
		return errors.Wrap(err, "cannot make a cluster")
	}

	if err := m.Add(signals); err != nil {
		return errors.Wrap(err, "cannot add the build cluster")
	}

	p.appCI, p.build = m.GetClient(), signals.GetClient()

	const workers = 20

	toJob := handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, s *corev1.Secret) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "ci", Name: strings.TrimPrefix(s.Namespace, NamespacePrefix)}}}
	})

	if err := ctrl.NewControllerManagedBy(m).
		Named("player").
		For(&prowv1.ProwJob{}).
		WatchesRawSource(source.Kind(signals.GetCache(), &corev1.Secret{}, toJob)).
		// Players of several tests may live in one process.
		WithOptions(controller.Options{MaxConcurrentReconciles: workers, SkipNameValidation: new(true)}).
		Complete(reconcile.Func(p.play)); err != nil {
		return errors.Wrap(err, "cannot make a controller")
	}

	return errors.Wrap(m.Start(ctx), "cannot play")
}

// unlimited lifts the client's own limit of requests, which would be measured.
func unlimited(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1

	return cfg
}

// play makes the next step for a ProwJob, if it is time for it.
func (p *Player) play(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	pj := &prowv1.ProwJob{}
	if err := p.appCI.Get(ctx, req.NamespacedName, pj); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}

	ec := pj.Labels[apiv1.LabelEphemeralCluster]

	// What is held is looked at again: whoever lets go of it makes no event.
	held := func(e Event) bool { return p.Hold != nil && p.Hold(ec, e) }
	later := reconcile.Result{RequeueAfter: 20 * time.Millisecond}

	switch {
	case pj.Complete():
		return reconcile.Result{}, nil
	case pj.Status.State == prowv1.AbortedState:
		return reconcile.Result{}, p.end(ctx, pj, prowv1.AbortedState)
	case pj.Status.State == prowv1.SchedulingState || pj.Status.State == prowv1.TriggeredState:
		if held(JobStarted) {
			return later, nil
		}

		return reconcile.Result{}, p.start(ctx, pj)
	}

	if err := p.build.Get(ctx, types.NamespacedName{Namespace: NamespacePrefix + pj.Name, Name: apiv1.SecretTestDone}, &corev1.Secret{}); err == nil {
		if held(JobEnded) {
			return later, nil
		}

		return reconcile.Result{}, p.end(ctx, pj, prowv1.SuccessState)
	}

	if held(NamespaceThere) {
		return later, nil
	}

	if err := p.makeNamespace(ctx, pj); err != nil {
		return reconcile.Result{}, err
	}

	if held(KubeconfigThere) {
		return later, nil
	}

	return reconcile.Result{}, p.makeSecret(ctx, pj)
}

func (p *Player) done(pj *prowv1.ProwJob, e Event) {
	if p.Done != nil {
		p.Done(pj.Labels[apiv1.LabelEphemeralCluster], e)
	}
}

func (p *Player) start(ctx context.Context, pj *prowv1.ProwJob) error {
	before := client.MergeFrom(pj.DeepCopy())
	pj.Status.State = prowv1.PendingState
	pj.Status.PendingTime = new(metav1.Now())
	pj.Status.BuildID = "1"
	pj.Status.URL = "https://prow.ci.openshift.org/view/" + pj.Name

	if err := p.appCI.Patch(ctx, pj, before); err != nil {
		return errors.Wrap(client.IgnoreNotFound(err), "cannot start the ProwJob")
	}

	p.done(pj, JobStarted)

	return nil
}

func (p *Player) makeNamespace(ctx context.Context, pj *prowv1.ProwJob) error {
	err := p.build.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   NamespacePrefix + pj.Name,
		Labels: map[string]string{apiv1.LabelJobID: pj.Name},
	}})
	if kerrors.IsAlreadyExists(err) {
		return nil
	}

	if err != nil {
		return errors.Wrap(err, "cannot make ci-operator's namespace")
	}

	p.done(pj, NamespaceThere)

	return nil
}

func (p *Player) makeSecret(ctx context.Context, pj *prowv1.ProwJob) error {
	err := p.build.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: NamespacePrefix + pj.Name, Name: apiv1.TestName},
		StringData: map[string]string{apiv1.KeyKubeconfig: "kubeconfig of " + pj.Name},
	})
	if kerrors.IsAlreadyExists(err) {
		return nil
	}

	if err != nil {
		return errors.Wrap(err, "cannot make ci-operator's Secret")
	}

	p.done(pj, KubeconfigThere)

	return nil
}

func (p *Player) end(ctx context.Context, pj *prowv1.ProwJob, state prowv1.ProwJobState) error {
	before := client.MergeFrom(pj.DeepCopy())
	pj.Status.State = state
	pj.Status.CompletionTime = new(metav1.Now())

	if err := p.appCI.Patch(ctx, pj, before); err != nil {
		return errors.Wrap(client.IgnoreNotFound(err), "cannot end the ProwJob")
	}

	p.done(pj, JobEnded)

	return nil
}
