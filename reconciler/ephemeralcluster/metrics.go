package ephemeralcluster

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// hypershiftWorkflow takes very different times on different management
	// clusters, so its label names the one.
	hypershiftWorkflow = "hypershift-hostedcluster-workflow"
	envManagement      = "HOSTED_MANAGEMENT_CLUSTER"

	labelWorkflow = "workflow"
)

// buckets span the minutes of a claimed cluster and the hours of a failing install.
func buckets() []float64 {
	return []float64{300, 600, 900, 1800, 3600, 5400, 7200, 9000, 10800}
}

// Prometheus is the metrics of EphemeralClusters.
type Prometheus struct {
	count          *prometheus.GaugeVec
	provisioning   *prometheus.HistogramVec
	deprovisioning *prometheus.HistogramVec
	orphans        *prometheus.CounterVec
	available      *prometheus.GaugeVec
	reloads        *prometheus.CounterVec
}

// NewPrometheus registers the metrics.
func NewPrometheus(reg prometheus.Registerer) (*Prometheus, error) {
	p := &Prometheus{
		count: prometheus.NewGaugeVec(prometheus.GaugeOpts{ //nolint:promlinter // Deployed dashboards know it by this name.
			Name: "ephemeralcluster_count",
			Help: "EphemeralClusters there are.",
		}, []string{"konflux_cluster", "konflux_tenant", "cluster_profile", labelWorkflow, "phase"}),
		provisioning: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ephemeralcluster_provisioning_duration_seconds",
			Help:    "Time from the creation of an EphemeralCluster to its being ready.",
			Buckets: buckets(),
		}, []string{labelWorkflow}),
		deprovisioning: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ephemeralcluster_deprovisioning_duration_seconds",
			Help:    "Time from the tear-down signal to the successful end of the ProwJob.",
			Buckets: buckets(),
		}, []string{labelWorkflow}),
		orphans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ephemeralcluster_orphan_prowjobs_ignored_total",
			Help: "Times a ProwJob without EphemeralCluster was left alone because its build cluster is unknown.",
		}, []string{"cluster"}),
		available: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ephemeralcluster_build_cluster_available",
			Help: "Whether a build cluster that EphemeralClusters use can be watched.",
		}, []string{"cluster"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ephemeralcluster_config_reloads_total",
			Help: "Reloads of changed configuration files, by outcome.",
		}, []string{"config", "outcome"}),
	}

	for _, c := range []prometheus.Collector{p.count, p.provisioning, p.deprovisioning, p.orphans, p.available, p.reloads} {
		if err := reg.Register(c); err != nil {
			return nil, errors.Wrap(err, "cannot register metrics")
		}
	}

	return p, nil
}

// Provisioned records how long it took until a cluster was ready.
func (p *Prometheus) Provisioned(workflow string, took time.Duration) {
	p.provisioning.WithLabelValues(workflow).Observe(took.Seconds())
}

// Deprovisioned records how long it took until a cluster was gone.
func (p *Prometheus) Deprovisioned(workflow string, took time.Duration) {
	p.deprovisioning.WithLabelValues(workflow).Observe(took.Seconds())
}

// OrphanIgnored records that an orphan on an unknown build cluster was left alone.
func (p *Prometheus) OrphanIgnored(buildCluster string) {
	p.orphans.WithLabelValues(buildCluster).Inc()
}

// BuildClusterAvailable records whether a build cluster can be watched.
func (p *Prometheus) BuildClusterAvailable(cluster string, available bool) {
	value := 0.0
	if available {
		value = 1
	}

	p.available.WithLabelValues(cluster).Set(value)
}

// KubeconfigReloaded records the outcome of reloading kubeconfigs.
func (p *Prometheus) KubeconfigReloaded(err error) {
	p.reloaded("kubeconfig", err)
}

// ProfilesReloaded records the outcome of reloading cluster profiles.
func (p *Prometheus) ProfilesReloaded(err error) {
	p.reloaded("cluster_profiles", err)
}

func (p *Prometheus) reloaded(config string, err error) {
	outcome := "success"
	if err != nil {
		outcome = "failure"
	}

	p.reloads.WithLabelValues(config, outcome).Inc()
}

// Counter counts EphemeralClusters from time to time.
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
	l := &v1.EphemeralClusterList{}
	if err := c.Client.List(ctx, l); err != nil {
		return errors.Wrap(err, "cannot list EphemeralClusters")
	}

	c.Metrics.count.Reset()

	for i := range l.Items {
		ec := &l.Items[i]
		a := ec.GetAnnotations()
		c.Metrics.count.WithLabelValues(a[v1.AnnotationKonfluxCluster], a[v1.AnnotationKonfluxTenant],
			ec.Spec.CIOperator.Test.ClusterProfile, workflowOf(ec), string(ec.Status.Phase)).Inc()
	}

	return nil
}

func workflowOf(ec *v1.EphemeralCluster) string {
	t := ec.Spec.CIOperator.Test
	if m, ok := t.Env[envManagement]; ok && t.Workflow == hypershiftWorkflow {
		return t.Workflow + "_" + m
	}

	return t.Workflow
}

// observe records the durations that a new status completes. The status has just
// been written, so that no other pass can complete them again.
func (r *Reconciler) observe(ec *v1.EphemeralCluster, old, now *v1.EphemeralClusterStatus) {
	if old.SecretRef == "" && now.SecretRef != "" && now.IsTrue(v1.ConditionClusterReady) {
		ready := now.GetCondition(v1.ConditionClusterReady).LastTransitionTime
		r.metrics.Provisioned(workflowOf(ec), ready.Sub(ec.GetCreationTimestamp().Time))
	}

	if old.Phase == now.Phase || now.Phase != v1.PhaseDeprovisioned || !now.IsTrue(v1.ConditionTestCompleted) {
		return
	}

	told := now.GetCondition(v1.ConditionTestCompleted).LastTransitionTime
	r.metrics.Deprovisioned(workflowOf(ec), now.GetCondition(v1.ConditionProwJobCompleted).LastTransitionTime.Sub(told.Time))
}
