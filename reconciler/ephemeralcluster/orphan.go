package ephemeralcluster

import (
	"context"
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

// orphans ends ProwJobs whose EphemeralCluster is gone. The given EphemeralCluster,
// if any, bears the name of theirs and is another.
func (r *Reconciler) orphans(ctx context.Context, key types.NamespacedName, ec *v1.EphemeralCluster, jobs []prowv1.ProwJob) (time.Duration, error) {
	var (
		errs []error
		live bool
	)

	for i := range jobs {
		if prowjob.Ended(&jobs[i]) {
			continue
		}

		// The cache may be behind, and what follows destroys a cluster.
		if ec == nil {
			if err := r.confirmGone(ctx, key); err != nil {
				return 0, err
			}
		}

		live = true

		errs = append(errs, r.endOrphan(ctx, &jobs[i]))
	}

	if !live {
		return 0, nil
	}

	return r.resync, errors.Join(errs...)
}

var errStillThere = errors.New("EphemeralCluster exists on the API server but not in the cache")

func (r *Reconciler) confirmGone(ctx context.Context, key types.NamespacedName) error {
	err := r.Reader.Get(ctx, key, &v1.EphemeralCluster{})
	if kerrors.IsNotFound(err) {
		return nil
	}

	if err != nil {
		return errors.Wrap(err, "cannot get EphemeralCluster")
	}

	return errStillThere
}

func (r *Reconciler) endOrphan(ctx context.Context, pj *prowv1.ProwJob) error {
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

	_, err := r.end(ctx, pj, false, func(string) string { return "Ephemeral Cluster not found" })

	return errors.Wrapf(err, "cannot end ProwJob %q, whose EphemeralCluster is gone", pj.GetName())
}
