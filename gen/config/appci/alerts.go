package appci

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

// runbook is where whoever is woken up reads on, under the name of the alert.
const runbook = `deploy/README.md, "When something is wrong"`

// ruleSet is a PrometheusRule of the Prometheus operator, with the fields that are used
// here.
type ruleSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec ruleSpec `json:"spec"`
}

type ruleSpec struct {
	Groups []ruleGroup `json:"groups"`
}

type ruleGroup struct {
	Name  string  `json:"name"`
	Rules []alert `json:"rules"`
}

type alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	For         string            `json:"for,omitempty"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// newAlert returns an alert. It is critical where clusters cannot be had, or not be got
// rid of, and a warning where they soon may not.
func newAlert(name, severity, wait, expr, summary string) alert {
	return alert{
		Alert:       name,
		Expr:        expr,
		For:         wait,
		Labels:      map[string]string{"severity": severity},
		Annotations: map[string]string{"summary": summary, "runbook": runbook},
	}
}

// alerts say what a person has to see to. What passes by itself is none.
func alerts() *ruleSet {
	const (
		critical = "critical"
		warning  = "warning"
	)

	return &ruleSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler, Labels: reconcilerLabels()},
		Spec: ruleSpec{Groups: []ruleGroup{{Name: Reconciler, Rules: []alert{
			newAlert("EphemeralClusterNoLeader", critical, "5m",
				`absent(leader_election_master_status{name="`+lease+`"} == 1)`,
				"No reconciler of EphemeralClusters is at work."),
			newAlert("EphemeralClusterBuildClusterUnavailable", critical, "15m",
				`max by (cluster) (ephemeralcluster_build_cluster_available) == 0`,
				"Build cluster {{ $labels.cluster }} cannot be watched."),
			// A failure is counted once, for as long as the same file is there. A counter's
			// first value is no increase of it.
			newAlert("EphemeralClusterConfigReloadFailed", warning, "",
				`increase(ephemeralcluster_config_reloads_total{outcome="failure"}[1h]) > 0
or (ephemeralcluster_config_reloads_total{outcome="failure"} unless ephemeralcluster_config_reloads_total{outcome="failure"} offset 1h)`,
				"The reconciler cannot use its changed {{ $labels.config }}, and keeps to the former."),
			// To start over with 5,000 clusters takes a few minutes.
			newAlert("EphemeralClusterQueueSlow", warning, "15m",
				`histogram_quantile(0.99, sum by (le) (rate(workqueue_queue_duration_seconds_bucket{controller="ephemeralcluster"}[5m]))) > 60`,
				"EphemeralClusters wait for more than a minute to be looked at."),
			// It takes 2.3 s with 5,000 clusters.
			newAlert("EphemeralClusterPublishSlow", warning, "15m",
				`histogram_quantile(0.99, sum by (le) (rate(ephemeralcluster_publish_latency_seconds_bucket[30m]))) > 15`,
				"Credentials take more than 15 seconds from their build clusters to tenants."),
		}}}},
	}
}
