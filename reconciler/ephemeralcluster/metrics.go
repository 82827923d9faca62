package ephemeralcluster

import (
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/prometheus/client_golang/prometheus"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	labelWorkflow = "workflow"
	labelCluster  = "cluster"
)

// buckets span the minutes of a claimed cluster and the hours of a failing install.
func buckets() []float64 {
	return []float64{300, 600, 900, 1800, 3600, 5400, 7200, 9000, 10800}
}

// latencyBuckets span the fraction of a second that publishing takes and the minutes
// that it takes when app.ci cannot be written to.
func latencyBuckets() []float64 {
	return []float64{0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300}
}

// Prometheus is the metrics of EphemeralClusters.
type Prometheus struct {
	count          *prometheus.GaugeVec
	typical        *prometheus.GaugeVec
	provisioning   *prometheus.HistogramVec
	publishing     prometheus.Histogram
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
		typical: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ephemeralcluster_typical_provisioning_duration_seconds",
			Help: "Time within which so many percent of recent clusters were ready, counted from the start of their ProwJobs.",
		}, []string{labelWorkflow, "percentile"}),
		publishing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ephemeralcluster_publish_latency_seconds",
			Help:    "Time from a watch showing a cluster's first credentials on the build cluster to their being published.",
			Buckets: latencyBuckets(),
		}),
		deprovisioning: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ephemeralcluster_deprovisioning_duration_seconds",
			Help:    "Time from the tear-down signal to the successful end of the ProwJob.",
			Buckets: buckets(),
		}, []string{labelWorkflow}),
		orphans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ephemeralcluster_orphan_prowjobs_ignored_total",
			Help: "Times a ProwJob without EphemeralCluster was left alone because its build cluster is unknown.",
		}, []string{labelCluster}),
		available: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "ephemeralcluster_build_cluster_available",
			Help: "Whether a build cluster that EphemeralClusters use can be watched.",
		}, []string{labelCluster}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ephemeralcluster_config_reloads_total",
			Help: "Reloads of changed configuration files, by outcome.",
		}, []string{"config", "outcome"}),
	}

	for _, c := range []prometheus.Collector{p.count, p.typical, p.provisioning, p.publishing, p.deprovisioning, p.orphans, p.available, p.reloads} {
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

// Published records how long credentials took from the build cluster to app.ci.
func (p *Prometheus) Published(took time.Duration) {
	p.publishing.Observe(took.Seconds())
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

// BuildClusterUnused takes back whether a build cluster can be watched.
func (p *Prometheus) BuildClusterUnused(cluster string) {
	p.available.DeleteLabelValues(cluster)
}

// KubeconfigReloaded records the outcome of reloading kubeconfigs.
func (p *Prometheus) KubeconfigReloaded(err error) {
	p.reloaded("kubeconfig", err)
}

// FileReloaded returns a function that records the outcome of reloading a file.
func (p *Prometheus) FileReloaded(config string) func(error) {
	return func(err error) { p.reloaded(config, err) }
}

func (p *Prometheus) reloaded(config string, err error) {
	outcome := "success"
	if err != nil {
		outcome = "failure"
	}

	p.reloads.WithLabelValues(config, outcome).Inc()
}

// observe records the durations that a new status completes. The status has just
// been written, so that no other pass can complete them again.
func (r *Reconciler) observe(s *scope, now *v1.EphemeralClusterStatus) {
	old := &s.old

	// A ProwJob that is marked was ready before: somebody's Secret was in the way since.
	if old.SecretRef == "" && now.SecretRef != "" && now.IsTrue(v1.ConditionClusterReady) && !prowjob.MarkedReady(s.job) {
		ready := now.GetCondition(v1.ConditionClusterReady).LastTransitionTime
		r.metrics.Provisioned(prowjob.Workflow(s.ec), ready.Sub(s.ec.GetCreationTimestamp().Time))

		if since := s.credentials.since(); !since.IsZero() {
			r.metrics.Published(r.clock.Since(since))
		}
	}

	if old.Phase == now.Phase || now.Phase != v1.PhaseDeprovisioned || !now.IsTrue(v1.ConditionTestCompleted) {
		return
	}

	told := now.GetCondition(v1.ConditionTestCompleted).LastTransitionTime
	r.metrics.Deprovisioned(prowjob.Workflow(s.ec), now.GetCondition(v1.ConditionProwJobCompleted).LastTransitionTime.Sub(told.Time))
}
