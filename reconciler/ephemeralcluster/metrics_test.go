package ephemeralcluster

import (
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestPrometheus(t *testing.T) {
	h := newHarness(t, []client.Object{
		newCluster(status(running(ready))),
		newCluster(func(ec *v1.EphemeralCluster) { ec.Name = "other" }, status(running(ready))),
		newJob(named("a"), readyAfter("ipi-aws", 30*time.Minute)),
		newJob(named("b"), readyAfter("ipi-aws", 32*time.Minute)),
		newJob(named("c"), readyAfter("ipi-aws", 50*time.Minute)),
		newJob(named("d"), readyAfter("ipi-gcp", time.Minute)),
	})
	reg := prometheus.NewRegistry()

	p, err := NewPrometheus(reg)
	if err != nil {
		t.Fatal(err)
	}

	c := &Counter{Client: h.Client, Metrics: p}
	for range 2 {
		if err := c.Count(t.Context()); err != nil {
			t.Fatal(err)
		}
	}

	p.Provisioned("ipi-aws", 31*time.Minute)
	p.BuildClusterAvailable("build01", true)
	p.Published(200 * time.Millisecond)
	p.FileReloaded("cluster_profiles")(errors.New("x"))

	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}

	got := map[string]map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if got[f.GetName()] == nil {
				got[f.GetName()] = map[string]float64{}
			}

			got[f.GetName()][labelsOf(m)] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}

	want := map[string]map[string]float64{
		"ephemeralcluster_count": {
			"cluster_profile=aws,konflux_cluster=stone-prd-rh01,konflux_tenant=team-a,phase=Ready,workflow=ipi-aws,": 2,
		},
		"ephemeralcluster_provisioning_duration_seconds": {"workflow=ipi-aws,": 1860},
		"ephemeralcluster_publish_latency_seconds":       {"": 0.2},
		"ephemeralcluster_typical_provisioning_duration_seconds": {
			"percentile=50,workflow=ipi-aws,": 1920,
			"percentile=90,workflow=ipi-aws,": 3000,
		},
		"ephemeralcluster_build_cluster_available": {"cluster=build01,": 1},
		"ephemeralcluster_config_reloads_total":    {"config=cluster_profiles,outcome=failure,": 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Gather(): -want, +got:\n%s", diff)
	}
}

func labelsOf(m *dto.Metric) string {
	s := ""
	for _, l := range m.GetLabel() {
		s += l.GetName() + "=" + l.GetValue() + ","
	}

	return s
}
