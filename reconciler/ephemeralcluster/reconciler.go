package ephemeralcluster

import (
	"cmp"
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	// soon is when to look again at what will be different in a moment.
	soon = 500 * time.Millisecond

	// later is when to look again at what a person has to change.
	later = time.Minute
)

// Reconcile brings one EphemeralCluster, and the ProwJobs that carry its name, one
// step further.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()

	jobs, err := r.jobsOf(ctx, req.NamespacedName)
	if err != nil {
		return reconcile.Result{}, err
	}

	ec := &v1.EphemeralCluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, ec); err != nil {
		if !kerrors.IsNotFound(err) {
			return reconcile.Result{}, errors.Wrap(err, "cannot get EphemeralCluster")
		}

		return r.result(r.orphans(ctx, req.NamespacedName, jobs))
	}

	var own, strays []prowv1.ProwJob

	for _, pj := range jobs {
		if prowjob.MadeFor(&pj, ec) || pj.GetName() == ec.Status.ProwJobID {
			own = append(own, pj)
		} else {
			strays = append(strays, pj)
		}
	}

	retry, err := r.reconcile(ctx, newScope(ec, r.clock.Now()), own)
	strayRetry, strayErr := r.orphans(ctx, req.NamespacedName, strays)

	// Once there is a ProwJob in the status it is never another.
	if ec.Status.ProwJobID != "" && ec.GetDeletionTimestamp().IsZero() {
		surplusRetry, surplusErr := r.surplus(ctx, ec, own)
		strayRetry, strayErr = cmp.Or(strayRetry, surplusRetry), errors.Join(strayErr, surplusErr)
	}

	if retry == 0 || strayRetry != 0 && strayRetry < retry {
		retry = strayRetry
	}

	return r.result(retry, errors.Join(err, strayErr))
}

// reconcile runs the phases over an EphemeralCluster and writes what they concluded.
func (r *Reconciler) reconcile(ctx context.Context, s *scope, jobs []prowv1.ProwJob) (time.Duration, error) {
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues("phase", string(s.old.Phase), "prowjob", s.old.ProwJobID))

	var err error

	switch {
	case !s.ec.GetDeletionTimestamp().IsZero():
		err = r.remove(ctx, s, jobs)
	case s.settled():
		r.settle(s)
	default:
		err = r.advance(ctx, s, jobs)
	}

	s.conclude()

	// Whatever went wrong, what was concluded up to then is true and is written.
	if werr := r.writeStatus(ctx, s); werr != nil {
		return 0, errors.Join(err, werr)
	}

	if err := errors.Join(err, r.recordReady(ctx, s)); err != nil {
		return 0, err
	}

	if s.done {
		return 0, r.release(ctx, s)
	}

	s.requeue(r.resync)

	return s.retry, nil
}

// advance takes a live EphemeralCluster one step further.
func (r *Reconciler) advance(ctx context.Context, s *scope, jobs []prowv1.ProwJob) error {
	if err := r.bind(ctx, s, jobs); err != nil {
		return err
	}

	if s.job == nil && !s.over() {
		if err := r.create(ctx, s); err != nil {
			return err
		}
	}

	if s.job != nil && !s.over() {
		// A ProwJob that was adopted may come without the finalizer.
		if err := r.addFinalizer(ctx, s); err != nil {
			return err
		}

		if err := r.serve(ctx, s); err != nil {
			return err
		}
	}

	s.done = s.over()

	return nil
}

// serve does what a running ProwJob makes possible: publish the credentials, or
// pass on that the cluster is no longer needed.
func (r *Reconciler) serve(ctx context.Context, s *scope) error {
	wanted := r.tearDownWanted(s)

	if !prowjob.Scheduled(s.job) {
		// Whoever schedules it one day would install a cluster for nobody.
		if r.expired(s) {
			return r.abortOwn(ctx, s, r.tooOld())
		}

		if wanted {
			s.nobodyToSignal("")
		}

		return r.awaitStage(ctx, s, v1.MessageNamespaceNotFound)
	}

	bc, err := r.buildCluster(s)
	if unknown := (buildfarm.UnknownError{}); errors.As(err, &unknown) {
		return r.abortOwn(ctx, s, "Build client not found: "+unknown.Error())
	}

	if err != nil {
		return r.unavailable(ctx, s, err)
	}

	if wanted {
		return r.tearDown(ctx, s, bc)
	}

	return r.publish(ctx, s, bc)
}

// buildCluster is where the ProwJob runs. One that served the EphemeralCluster before is not
// unknown yet while this process is young: its context may be gone by mistake, and what was
// known of that is gone with the process before.
func (r *Reconciler) buildCluster(s *scope) (BuildCluster, error) {
	bc, err := r.Farm(s.job.ClusterAlias())
	if unknown := (buildfarm.UnknownError{}); errors.As(err, &unknown) && s.served() && r.clock.Since(r.began) < buildfarm.RemovedFor {
		return nil, buildfarm.Removed(unknown.Cluster)
	}

	return bc, err
}

// settle has the last word on an EphemeralCluster whose life is over. One that
// never had a ProwJob is told that there is none to wait for, because the pipeline
// that asks for tear-down waits for the ProwJob's end.
func (r *Reconciler) settle(s *scope) {
	s.done = true
	s.lost = s.lostBefore()

	if s.ec.Spec.TearDownCluster && s.old.ProwJobID == "" && s.old.GetCondition(v1.ConditionProwJobCompleted) == nil {
		s.set(v1.ConditionProwJobCompleted, metav1.ConditionTrue, v1.ReasonProwJobFailure, "no ProwJob was created")
	}
}

// result turns the outcome of a pass into what the queue makes of it.
func (r *Reconciler) result(retry time.Duration, err error) (reconcile.Result, error) {
	switch {
	case kerrors.IsConflict(err):
		// The cache is behind, and will bring another pass when it is not.
		return reconcile.Result{RequeueAfter: soon}, nil
	case errors.Is(err, buildfarm.ErrNotYet):
		return reconcile.Result{RequeueAfter: soon}, nil
	case err != nil:
		return reconcile.Result{}, err
	}

	return reconcile.Result{RequeueAfter: retry}, nil
}

// jobsOf returns the ProwJobs that carry the name of an EphemeralCluster.
func (r *Reconciler) jobsOf(ctx context.Context, ec types.NamespacedName) ([]prowv1.ProwJob, error) {
	l := &prowv1.ProwJobList{}
	err := r.Client.List(ctx, l, client.InNamespace(r.prowJobNamespace), client.MatchingFields{IndexOwner: ec.String()})

	return l.Items, errors.Wrap(err, "cannot list ProwJobs")
}
