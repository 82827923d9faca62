package ephemeralcluster

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	// enough is how many clusters of a workflow must have become ready before
	// anything is said about how long that usually takes.
	enough = 3

	// separator comes between the words that clients match and those that are for
	// people.
	separator = "; "

	// settling is how long a cache may be behind what this process has written.
	settling = time.Minute
)

// typical is how long it took lately until clusters of a workflow were ready.
type typical struct {
	median     time.Duration
	ninetieth  time.Duration
	sufficient bool
}

func typicalOf(took []time.Duration) typical {
	if len(took) < enough {
		return typical{}
	}

	slices.Sort(took)

	return typical{median: percentile(took, 0.5), ninetieth: percentile(took, 0.9), sufficient: true}
}

// percentile is the smallest of sorted values that a share of them does not exceed.
func percentile(sorted []time.Duration, share float64) time.Duration {
	return sorted[int(math.Ceil(share*float64(len(sorted))))-1]
}

// workflowIndex makes a value of IndexWorkflow, which must not be empty, of a
// workflow, which may be.
func workflowIndex(workflow string) string {
	return "workflow " + workflow
}

// typical says how long the ProwJobs that are still there took.
func (r *Reconciler) typical(ctx context.Context, workflow string) (typical, error) {
	l := &prowv1.ProwJobList{}

	err := r.Client.List(ctx, l, client.InNamespace(r.prowJobNamespace),
		client.MatchingFields{IndexWorkflow: workflowIndex(workflow)}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return typical{}, errors.Wrap(err, "cannot list ProwJobs of workflow")
	}

	var took []time.Duration

	for i := range l.Items {
		if _, d, ok := prowjob.Provisioned(&l.Items[i]); ok {
			took = append(took, d)
		}
	}

	return typicalOf(took), nil
}

// expectation tells who waits for a cluster how long that may take. It holds the time
// of the beginning rather than the time that has passed: its words stay the same from
// pass to pass, so that waiting costs no writes.
func (r *Reconciler) expectation(ctx context.Context, s *scope) (string, error) {
	workflow := prowjob.Workflow(s.ec)

	t, err := r.typical(ctx, workflow)
	if err != nil || !t.sufficient {
		return "", err
	}

	if workflow == "" {
		workflow = "a claimed cluster"
	}

	return fmt.Sprintf("%s usually takes %s (90%% within %s), started %s", workflow,
		duration.HumanDuration(t.median), duration.HumanDuration(t.ninetieth),
		s.job.Status.StartTime.UTC().Format("15:04 UTC")), nil
}

// awaitStage concludes that the cluster is not ready because of the stage that its
// provisioning is in. What is expected is said on entering a stage, and then kept.
func (r *Reconciler) awaitStage(ctx context.Context, s *scope, stage string) error {
	if s.old.IsTrue(v1.ConditionClusterReady) {
		s.keepReady("")

		return nil
	}

	if old := s.old.GetCondition(v1.ConditionClusterReady); old != nil && inStage(old.Message, stage) {
		s.notReady(old.Message)

		return nil
	}

	expected, err := r.expectation(ctx, s)
	if expected != "" {
		stage += separator + expected
	}

	s.notReady(stage)

	return err
}

func inStage(message, stage string) bool {
	return message == stage || strings.HasPrefix(message, stage+separator)
}

// recordReady notes in the ProwJob, once, when its cluster became ready. Nothing else
// knows that when the EphemeralCluster is gone.
func (r *Reconciler) recordReady(ctx context.Context, s *scope) error {
	c := s.ec.Status.GetCondition(v1.ConditionClusterReady)
	if s.job == nil || c == nil || c.Status != metav1.ConditionTrue || c.LastTransitionTime.IsZero() || prowjob.MarkedReady(s.job) {
		return nil
	}

	// The pass that made it ready notes it. Another one does if that was cut off,
	// or was made by an earlier version, but not while the cache may be behind.
	if s.old.IsTrue(v1.ConditionClusterReady) && s.now.Sub(c.LastTransitionTime.Time) < settling {
		return nil
	}

	before := s.job.DeepCopy()
	prowjob.MarkReady(s.job, prowjob.Workflow(s.ec), c.LastTransitionTime.Time)

	err := r.Client.Patch(ctx, s.job, client.MergeFrom(before))

	return errors.Wrap(client.IgnoreNotFound(err), "cannot record in ProwJob when its cluster became ready")
}
