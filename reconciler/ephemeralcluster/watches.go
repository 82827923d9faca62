package ephemeralcluster

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	// IndexOwner finds ProwJobs by their EphemeralCluster.
	IndexOwner = "owner"

	// IndexCluster finds ProwJobs by their build cluster.
	IndexCluster = "cluster"

	// IndexWorkflow finds the ProwJobs that say how long a workflow took.
	IndexWorkflow = "workflow"

	// firstRetry and lastRetry bound the wait after an error. The default of
	// controllers goes up to a quarter of an hour, too long for who waits for a
	// cluster after an outage.
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Minute
)

// Indexes are the functions by which the cache of ProwJobs must be indexed.
func (r *Reconciler) Indexes() map[string]client.IndexerFunc {
	return map[string]client.IndexerFunc{
		IndexOwner: func(o client.Object) []string {
			if pj, ok := o.(*prowv1.ProwJob); ok {
				return []string{prowjob.Owner(pj).String()}
			}

			return nil
		},
		IndexCluster: func(o client.Object) []string {
			if pj, ok := o.(*prowv1.ProwJob); ok && !prowjob.Ended(pj) {
				return []string{pj.ClusterAlias()}
			}

			return nil
		},
		IndexWorkflow: func(o client.Object) []string {
			if pj, ok := o.(*prowv1.ProwJob); ok && prowjob.MarkedReady(pj) {
				return []string{workflowIndex(pj.GetAnnotations()[prowjob.AnnotationWorkflow])}
			}

			return nil
		},
	}
}

// SetupOptions are how a Reconciler is run.
type SetupOptions struct {
	// Namespaces are those of the EphemeralClusters.
	Namespaces []string

	// Workers is how many EphemeralClusters are reconciled at a time.
	Workers int

	// BuildFarm is what changes on build clusters.
	BuildFarm <-chan event.TypedGenericEvent[buildfarm.Event]
}

// SetupWithManager makes a manager run the Reconciler.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr manager.Manager, o SetupOptions) error {
	for name, fn := range r.Indexes() {
		if err := mgr.GetFieldIndexer().IndexField(ctx, &prowv1.ProwJob{}, name, fn); err != nil {
			return errors.Wrapf(err, "cannot index ProwJobs by %s", name)
		}
	}

	watched := sets.New(o.Namespaces...)

	// Every event of an EphemeralCluster is let through, those of its own status
	// included: the step after a status that was written follows from it.
	err := builder.ControllerManagedBy(mgr).
		Named("ephemeralcluster").
		For(&v1.EphemeralCluster{}).
		Watches(&prowv1.ProwJob{}, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
			return r.requestFor(o, watched)
		})).
		WatchesRawSource(source.Channel(o.BuildFarm, r.fromBuildFarm(watched))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: o.Workers,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(r)

	return errors.Wrap(err, "cannot set up controller")
}

// ahead is the priority of what somebody waits for: a kubeconfig that is there is
// published before more clusters are begun.
const ahead = 10

// fromBuildFarm enqueues the EphemeralClusters that a change on a build cluster is
// about. What is about one job goes ahead of all else; what is about a whole cluster
// may be about thousands.
func (r *Reconciler) fromBuildFarm(watched sets.Set[string]) handler.TypedEventHandler[buildfarm.Event, reconcile.Request] {
	return handler.TypedFuncs[buildfarm.Event, reconcile.Request]{
		GenericFunc: func(ctx context.Context, e event.TypedGenericEvent[buildfarm.Event], q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			reqs := r.requestsFor(ctx, e.Object, watched)

			if pq, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok && e.Object.JobID != "" {
				pq.AddWithOpts(priorityqueue.AddOpts{Priority: new(ahead)}, reqs...)

				return
			}

			for _, req := range reqs {
				q.Add(req)
			}
		},
	}
}

// requestFor maps a ProwJob to its EphemeralCluster. Those of namespaces that are
// not watched are left alone: to this process they would all look orphaned.
func (r *Reconciler) requestFor(o client.Object, watched sets.Set[string]) []reconcile.Request {
	pj, ok := o.(*prowv1.ProwJob)
	if !ok || pj.GetLabels()[v1.LabelEphemeralCluster] == "" {
		return nil
	}

	owner := prowjob.Owner(pj)
	if !watched.Has(owner.Namespace) {
		return nil
	}

	return []reconcile.Request{{NamespacedName: owner}}
}

// requestsFor maps a change on a build cluster to the EphemeralClusters it is about.
func (r *Reconciler) requestsFor(ctx context.Context, e buildfarm.Event, watched sets.Set[string]) []reconcile.Request {
	if e.JobID != "" {
		pj := &prowv1.ProwJob{}
		if err := r.Client.Get(ctx, types.NamespacedName{Namespace: r.prowJobNamespace, Name: e.JobID}, pj); err != nil {
			// Most namespaces of a build cluster are of jobs of others.
			return nil
		}

		return r.requestFor(pj, watched)
	}

	l := &prowv1.ProwJobList{}
	if err := r.Client.List(ctx, l, client.InNamespace(r.prowJobNamespace), client.MatchingFields{IndexCluster: e.Cluster}); err != nil {
		log.FromContext(ctx).Error(err, "cannot list ProwJobs of build cluster", "cluster", e.Cluster)

		return nil
	}

	var reqs []reconcile.Request
	for i := range l.Items {
		reqs = append(reqs, r.requestFor(&l.Items[i], watched)...)
	}

	return reqs
}
