package ephemeralcluster

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// release lets an EphemeralCluster go, once nothing is left that it is responsible for.
func (r *Reconciler) release(ctx context.Context, s *scope) error {
	if s.lost != "" && controllerutil.ContainsFinalizer(s.ec, v1.Finalizer) {
		if err := r.signalLeftovers(ctx, s.lost); err != nil {
			return err
		}
	}

	return r.dropFinalizer(ctx, s)
}

// lostBefore is the name of the ProwJob that an earlier pass found to have vanished.
func (s *scope) lostBefore() string {
	if c := s.old.GetCondition(v1.ConditionProwJobCompleted); c != nil && c.Message == v1.MessageProwJobStatePrefix+stateVanished {
		return s.old.ProwJobID
	}

	return ""
}

// signalLeftovers tells ci-operator to tear down what a ProwJob began that somebody
// has deleted: its pod may live on. Nothing says where that is, so all build clusters
// in use are searched, as far as they can be.
func (r *Reconciler) signalLeftovers(ctx context.Context, job string) error {
	var errs []error

	for _, bc := range r.InUse() {
		namespaces, err := bc.Namespaces(job)
		if unavailable := (buildfarm.UnavailableError{}); errors.As(err, &unavailable) {
			// It has never been seen, so it is not known to hold anything.
			log.FromContext(ctx).Info("cannot search build cluster for what a vanished ProwJob has left", "prowjob", job, "reason", unavailable.Error())

			continue
		}

		if err == nil {
			err = signal(ctx, bc, namespaces)
		}

		errs = append(errs, err)
	}

	return errors.Wrapf(errors.Join(errs...), "cannot signal tear-down to what ProwJob %q has left", job)
}
