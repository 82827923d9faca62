package ephemeralcluster

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// Counter counts EphemeralClusters, and how long they take, from time to time.
type Counter struct {
	Client   client.Reader
	Metrics  *Prometheus
	Interval time.Duration
	Clock    clock.WithTicker
}

// Start counts until the context ends. It runs in the leader only, as every
// runnable does that does not say otherwise.
func (c *Counter) Start(ctx context.Context) error {
	t := c.Clock.NewTicker(c.Interval)
	defer t.Stop()

	for {
		if err := c.Count(ctx); err != nil {
			return err
		}

		select {
		case <-ctx.Done():
			return nil
		case <-t.C():
		}
	}
}

// Count counts once.
func (c *Counter) Count(ctx context.Context) error {
	return errors.Join(c.countClusters(ctx), c.countDurations(ctx))
}

func (c *Counter) countClusters(ctx context.Context) error {
	l := &v1.EphemeralClusterList{}
	if err := c.Client.List(ctx, l, client.UnsafeDisableDeepCopy); err != nil {
		return errors.Wrap(err, "cannot list EphemeralClusters")
	}

	c.Metrics.count.Reset()

	for i := range l.Items {
		ec := &l.Items[i]
		a := ec.GetAnnotations()
		c.Metrics.count.WithLabelValues(a[v1.AnnotationKonfluxCluster], a[v1.AnnotationKonfluxTenant],
			ec.Spec.CIOperator.Test.ClusterProfile, prowjob.Workflow(ec), string(ec.Status.Phase)).Inc()
	}

	return nil
}

func (c *Counter) countDurations(ctx context.Context) error {
	l := &prowv1.ProwJobList{}
	if err := c.Client.List(ctx, l, client.UnsafeDisableDeepCopy); err != nil {
		return errors.Wrap(err, "cannot list ProwJobs")
	}

	took := map[string][]time.Duration{}

	for i := range l.Items {
		if workflow, d, ok := prowjob.Provisioned(&l.Items[i]); ok {
			took[workflow] = append(took[workflow], d)
		}
	}

	c.Metrics.typical.Reset()

	for workflow, ds := range took {
		if t := typicalOf(ds); t.sufficient {
			c.Metrics.typical.WithLabelValues(workflow, "50").Set(t.median.Seconds())
			c.Metrics.typical.WithLabelValues(workflow, "90").Set(t.ninetieth.Seconds())
		}
	}

	return nil
}
