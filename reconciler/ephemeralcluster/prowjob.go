package ephemeralcluster

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// bind finds the ProwJob of an EphemeralCluster: the one in its status, or else
// the one that carries its name.
func (r *Reconciler) bind(ctx context.Context, s *scope, jobs []prowv1.ProwJob) error {
	id := s.old.ProwJobID
	for i := range jobs {
		if jobs[i].GetName() == id {
			s.adopt(&jobs[i])

			return nil
		}
	}

	if id != "" {
		return r.bindByID(ctx, s, id)
	}

	switch len(jobs) {
	case 0:
	case 1:
		s.adopt(&jobs[0])
	default:
		s.fail(v1.ReasonTooManyProwJobsBound, v1.MessageTooManyProwJobs)
	}

	return nil
}

// bindByID asks the API server for a ProwJob that the cache does not have, because
// only the server's word is enough to give it up.
func (r *Reconciler) bindByID(ctx context.Context, s *scope, id string) error {
	found, err := r.bindLive(ctx, s, id)
	if err == nil && !found {
		s.vanished, s.lost = true, id
	}

	return err
}

// bindLive adopts the ProwJob of a name, if the API server has it.
func (r *Reconciler) bindLive(ctx context.Context, s *scope, name string) (bool, error) {
	pj := &prowv1.ProwJob{}

	err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.prowJobNamespace, Name: name}, pj)
	if kerrors.IsNotFound(err) {
		return false, nil
	}

	if err != nil {
		return false, errors.Wrapf(err, "cannot get ProwJob %q", name)
	}

	s.adopt(pj)

	return true, nil
}

// adopt takes a ProwJob as the EphemeralCluster's. In the first pass that knows it,
// ProwJobCreating is True: deployed clients may have been told to wait for that.
func (s *scope) adopt(pj *prowv1.ProwJob) {
	s.job = pj

	if s.old.ProwJobID == "" {
		s.set(v1.ConditionProwJobCreating, metav1.ConditionTrue, "", "")

		return
	}

	s.set(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonProwJobCreated, "")
}

// create makes the ProwJob. The finalizer is there before it, so that no ProwJob
// can be left behind.
func (r *Reconciler) create(ctx context.Context, s *scope) error {
	if err := r.bindCreated(ctx, s); err != nil || s.job != nil {
		return err
	}

	if r.tearDownWanted(s) {
		s.unneeded = because("torn down before a ProwJob was created", r.signalled(s))

		return nil
	}

	set := r.Profiles.Current()
	if wrong := validate(request{ec: s.ec, profiles: set, privileged: r.privileged}); wrong != "" {
		s.fail(v1.ReasonValidationFailure, wrong)

		return nil
	}

	pj, err := r.Jobs.Build(s.ec, profileOf(s.ec, set))
	if invalid := (prowjob.InvalidError{}); errors.As(err, &invalid) {
		s.fail(v1.ReasonCIOperatorJobsGenerateFailure, invalid.Error())

		return nil
	}

	if err != nil {
		s.set(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonCIOperatorJobsGenerateFailure, err.Error())

		return err
	}

	if err := r.addFinalizer(ctx, s); err != nil {
		return err
	}

	return r.createJob(ctx, s, pj)
}

// bindCreated finds the ProwJob that an earlier pass has made, and that neither the
// status nor the cache knows yet. Without it nothing may be concluded for good.
func (r *Reconciler) bindCreated(ctx context.Context, s *scope) error {
	if !controllerutil.ContainsFinalizer(s.ec, v1.Finalizer) {
		return nil
	}

	_, err := r.bindLive(ctx, s, prowjob.Name(s.ec.GetUID()))

	return err
}

func (r *Reconciler) createJob(ctx context.Context, s *scope, pj *prowv1.ProwJob) error {
	err := r.Client.Create(ctx, pj)

	switch {
	case err == nil:
		log.FromContext(ctx).Info("created ProwJob", "prowjob", pj.GetName())
		s.adopt(pj)

		return nil
	case kerrors.IsAlreadyExists(err):
		return r.bindByID(ctx, s, pj.GetName())
	case kerrors.IsInvalid(err), kerrors.IsBadRequest(err), kerrors.IsRequestEntityTooLargeError(err):
		s.fail(v1.ReasonCIOperatorJobsGenerateFailure, "the ProwJob made of this spec is refused: "+buildfarm.Describe(err))

		return nil
	}

	s.set(v1.ConditionProwJobCreating, metav1.ConditionFalse, v1.ReasonCIOperatorJobsGenerateFailure, "cannot create ProwJob yet: "+buildfarm.Describe(err))

	return errors.Wrap(err, "cannot create ProwJob")
}

// profileOf returns the cluster profile that a request names, nil if none of ours.
func profileOf(ec *v1.EphemeralCluster, set *profiles.Set) *profiles.Profile {
	p, ok := set.Get(ec.Spec.CIOperator.Test.ClusterProfile)
	if !ok {
		return nil
	}

	return &p
}

func (r *Reconciler) addFinalizer(ctx context.Context, s *scope) error {
	return r.patchFinalizer(ctx, s, controllerutil.AddFinalizer, "cannot add finalizer")
}

func (r *Reconciler) dropFinalizer(ctx context.Context, s *scope) error {
	err := r.patchFinalizer(ctx, s, controllerutil.RemoveFinalizer, "cannot drop finalizer")

	return client.IgnoreNotFound(err)
}

func (r *Reconciler) patchFinalizer(ctx context.Context, s *scope, change func(client.Object, string) bool, failure string) error {
	before := s.ec.DeepCopy()
	if !change(s.ec, v1.Finalizer) {
		return nil
	}

	// The list of finalizers is replaced as a whole, so nobody else may have
	// changed it in between.
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})

	return errors.Wrap(r.Client.Patch(ctx, s.ec, patch), failure)
}
