package ephemeralcluster

import (
	"context"
	"fmt"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// orphans ends ProwJobs whose EphemeralCluster is gone. There may be another one of its
// name.
func (r *Reconciler) orphans(ctx context.Context, key types.NamespacedName, jobs []prowv1.ProwJob) (time.Duration, error) {
	var (
		errs []error
		live bool
	)

	for i := range jobs {
		if prowjob.Ended(&jobs[i]) {
			continue
		}

		// The cache may be behind, and what follows destroys a cluster.
		if err := r.confirmGone(ctx, key, &jobs[i]); err != nil {
			return 0, err
		}

		live = true

		errs = append(errs, r.endOrphan(ctx, &jobs[i], "Ephemeral Cluster not found"))
	}

	if !live {
		return 0, nil
	}

	return r.resync, errors.Join(errs...)
}

var errStillThere = errors.New("EphemeralCluster exists on the API server but not in the cache")

// confirmGone asks the API server whether the EphemeralCluster of a ProwJob is gone.
func (r *Reconciler) confirmGone(ctx context.Context, key types.NamespacedName, pj *prowv1.ProwJob) error {
	ec := &v1.EphemeralCluster{}

	err := r.Reader.Get(ctx, key, ec)

	switch {
	case kerrors.IsNotFound(err):
		return nil
	case err != nil:
		return errors.Wrap(err, "cannot get EphemeralCluster")
	case prowjob.MadeFor(pj, ec):
		return errStillThere
	}

	return nil
}

// surplus ends ProwJobs that an EphemeralCluster has besides the one in its status, such as
// one that somebody has run again: nobody gets the cluster that they make, and nobody gives
// it back.
func (r *Reconciler) surplus(ctx context.Context, ec *v1.EphemeralCluster, jobs []prowv1.ProwJob) (time.Duration, error) {
	var (
		errs  []error
		retry time.Duration
	)

	for i := range jobs {
		if prowjob.Ended(&jobs[i]) || jobs[i].GetName() == ec.Status.ProwJobID {
			continue
		}

		retry = r.resync

		errs = append(errs, r.endOrphan(ctx, &jobs[i], fmt.Sprintf("the EphemeralCluster has ProwJob %q", ec.Status.ProwJobID)))
	}

	return retry, errors.Join(errs...)
}

// endOrphan ends a ProwJob, and says why if that is by aborting it.
func (r *Reconciler) endOrphan(ctx context.Context, pj *prowv1.ProwJob, why string) error {
	alias := pj.ClusterAlias()

	// Nothing is known of what an orphan on an unknown build cluster holds, and
	// nobody waits for it.
	if prowjob.Scheduled(pj) {
		if _, err := r.Farm(alias); errors.As(err, &buildfarm.UnknownError{}) {
			log.FromContext(ctx).Info("left alone a ProwJob without EphemeralCluster on an unknown build cluster", "prowjob", pj.GetName(), "cluster", alias)
			r.metrics.OrphanIgnored(alias)

			return nil
		}
	}

	_, err := r.end(ctx, pj, false, func(string) string { return why })

	return errors.Wrapf(err, "cannot end ProwJob %q", pj.GetName())
}
