package ephemeralcluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// tearDownWanted reports whether a cluster is to be torn down: because that was
// asked for, or because it has reached the greatest age that one may have.
func (r *Reconciler) tearDownWanted(s *scope) bool {
	return s.ec.Spec.TearDownCluster || r.expired(s)
}

func (r *Reconciler) expired(s *scope) bool {
	if r.maxLifetime == 0 {
		return false
	}

	left := s.ec.GetCreationTimestamp().Add(r.maxLifetime).Sub(s.now.Time)
	if left > 0 {
		s.requeue(left)

		return false
	}

	return true
}

// signalled says why ci-operator was told to tear down.
func (r *Reconciler) signalled(s *scope) string {
	if !s.ec.Spec.TearDownCluster && r.expired(s) {
		return r.tooOld()
	}

	return ""
}

func (r *Reconciler) tooOld() string {
	return fmt.Sprintf("the cluster has reached its maximum lifetime of %s", r.maxLifetime)
}

// tearDown passes on to ci-operator that the cluster is no longer needed. Without
// a namespace there is nobody to tell yet; the signal follows once there is.
func (r *Reconciler) tearDown(ctx context.Context, s *scope, bc BuildCluster) error {
	if s.old.IsTrue(v1.ConditionTestCompleted) {
		s.set(v1.ConditionTestCompleted, metav1.ConditionTrue, "", s.old.GetCondition(v1.ConditionTestCompleted).Message)

		return nil
	}

	namespaces, err := bc.Namespaces(s.job.GetName())
	if err == nil && len(namespaces) == 0 {
		// What is known of a cluster that cannot be watched is what was.
		err = bc.Health()
	}

	if err == nil && len(namespaces) == 0 {
		s.nobodyToSignal(r.signalled(s))

		return nil
	}

	if err == nil {
		err = signal(ctx, bc, namespaces)
	}

	if errors.Is(err, buildfarm.ErrNotYet) {
		return err
	}

	if err != nil {
		s.set(v1.ConditionTestCompleted, metav1.ConditionFalse, v1.ReasonCreateTestCompletedSecretFailure, err.Error())

		return errors.Wrap(err, "cannot signal tear-down")
	}

	s.set(v1.ConditionTestCompleted, metav1.ConditionTrue, "", r.signalled(s))

	return nil
}

// nobodyToSignal concludes that ci-operator has no namespace to put the signal in, and says
// why it is to have one unless somebody has asked for it.
func (s *scope) nobodyToSignal(why string) {
	s.set(v1.ConditionTestCompleted, metav1.ConditionFalse, v1.ReasonCreateTestCompletedSecretFailure, because(v1.MessageNamespaceNotFound, why))
}

// because adds to a message why, if there is anything to say.
func because(message, why string) string {
	if why == "" {
		return message
	}

	return message + separator + why
}

func signal(ctx context.Context, bc BuildCluster, namespaces []string) error {
	for _, ns := range namespaces {
		if err := bc.Signal(ctx, ns); err != nil {
			return err
		}
	}

	return nil
}

// remove ends the ProwJobs of an EphemeralCluster that is being deleted.
func (r *Reconciler) remove(ctx context.Context, s *scope, jobs []prowv1.ProwJob) error {
	jobs, err := r.allJobs(ctx, s, jobs)
	if err != nil {
		return err
	}

	for i := range jobs {
		pj := &jobs[i]

		// The one shown in the status is the one still to wait for.
		if s.job == nil || prowjob.Ended(s.job) {
			s.job = pj
		}

		already := s.old.IsTrue(v1.ConditionTestCompleted) && pj.GetName() == s.old.ProwJobID
		before := pj.Status.State

		signalled, err := r.end(ctx, pj, already, func(cause string) string { return "EphemeralCluster being deleted: " + cause })
		if errors.Is(err, buildfarm.ErrNotYet) {
			return err
		}

		if err != nil {
			s.set(v1.ConditionTestCompleted, metav1.ConditionFalse, v1.ReasonCreateTestCompletedSecretFailure, err.Error())

			return errors.Wrap(err, "cannot end ProwJob")
		}

		if pj.Status.State != before {
			s.tell(normal(reasonProwJobAborted, abortNote(pj)))
		}

		if signalled && !already {
			s.set(v1.ConditionTestCompleted, metav1.ConditionTrue, "", "EphemeralCluster being deleted")
		}
	}

	s.done = !slices.ContainsFunc(jobs, func(pj prowv1.ProwJob) bool { return !prowjob.Ended(&pj) })

	return nil
}

// allJobs adds a ProwJob that the cache may not have yet: the one in the status,
// or the one that the last pass may have created before it was cut off.
func (r *Reconciler) allJobs(ctx context.Context, s *scope, jobs []prowv1.ProwJob) ([]prowv1.ProwJob, error) {
	if len(jobs) > 0 || !controllerutil.ContainsFinalizer(s.ec, v1.Finalizer) {
		return jobs, nil
	}

	id := s.old.ProwJobID
	if id == "" {
		id = prowjob.Name(s.ec.GetUID())
	}

	pj := &prowv1.ProwJob{}

	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.prowJobNamespace, Name: id}, pj)
	if kerrors.IsNotFound(err) {
		s.lost = id

		return jobs, nil
	}

	return []prowv1.ProwJob{*pj}, errors.Wrapf(err, "cannot get ProwJob %q", id)
}

// end brings a ProwJob to its end: by a signal when ci-operator has a namespace,
// because aborting would leave behind what it has provisioned, and by aborting it
// when there is none. It reports whether ci-operator has the signal, which it may
// have had already.
func (r *Reconciler) end(ctx context.Context, pj *prowv1.ProwJob, already bool, describe func(cause string) string) (bool, error) {
	if prowjob.Ended(pj) || pj.Status.State == prowv1.AbortedState {
		return false, nil
	}

	if !prowjob.Scheduled(pj) {
		return false, r.abort(ctx, pj, describe(v1.MessageNamespaceNotFound), true)
	}

	bc, err := r.Farm(pj.ClusterAlias())
	if unknown := (buildfarm.UnknownError{}); errors.As(err, &unknown) {
		return false, r.abort(ctx, pj, describe(unknown.Error()), true)
	}

	if already {
		// It ends by itself, and may have cleared up its namespace before. Whether its
		// cluster can be reached is of no interest any more.
		return true, nil
	}

	if err != nil {
		return false, err
	}

	namespaces, err := bc.Namespaces(pj.GetName())
	if err == nil && len(namespaces) == 0 {
		namespaces, err = bc.FindNamespaces(ctx, pj.GetName())
	}

	if err != nil {
		return false, err
	}

	if len(namespaces) == 0 {
		return false, r.abort(ctx, pj, describe(v1.MessageNamespaceNotFound), false)
	}

	err = signal(ctx, bc, namespaces)

	return err == nil, err
}

// abortOwn ends the ProwJob of a live EphemeralCluster that has no pod, or one that
// nobody can reach.
func (r *Reconciler) abortOwn(ctx context.Context, s *scope, description string) error {
	if err := r.abort(ctx, s.job, description, true); err != nil {
		return err
	}

	s.tell(warning(reasonProwJobAborted, abortNote(s.job)))

	return nil
}

func abortNote(pj *prowv1.ProwJob) string {
	return fmt.Sprintf("aborted ProwJob %s: %s", pj.GetName(), pj.Status.Description)
}

// abort marks a ProwJob aborted.
func (r *Reconciler) abort(ctx context.Context, pj *prowv1.ProwJob, description string, podless bool) error {
	before := pj.DeepCopy()
	prowjob.Abort(pj, description, metav1.NewTime(r.clock.Now()), podless)

	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, pj, patch); err != nil {
		return errors.Wrapf(client.IgnoreNotFound(err), "cannot abort ProwJob %q", pj.GetName())
	}

	log.FromContext(ctx).Info("aborted ProwJob", "prowjob", pj.GetName(), "description", description)

	return nil
}
