package main

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// testDurations has clusters become ready, and makes sure that who waits for another
// is told how long they took.
func testDurations(c *clusters) {
	c.t.Helper()

	// ProwJob "profile" is one of the three that are enough.
	c.until("the ProwJob says when its cluster was ready", func(ctx context.Context) (bool, error) {
		ec, pj := &v1.EphemeralCluster{}, &prowv1.ProwJob{}
		if err := c.app.Get(ctx, key("profile"), ec); err != nil {
			return false, err
		}

		err := c.app.Get(ctx, types.NamespacedName{Namespace: "ci", Name: ec.Status.ProwJobID}, pj)
		workflow, _, ok := prowjob.Provisioned(pj)

		return ok && workflow == "ipi-aws", err
	})

	for i, took := range []time.Duration{38 * time.Minute, 52 * time.Minute} {
		pj := &prowv1.ProwJob{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "earlier-" + strconv.Itoa(i), Labels: map[string]string{v1.LabelEphemeralCluster: "earlier"}},
			Spec:       prowv1.ProwJobSpec{Type: prowv1.PeriodicJob, Agent: prowv1.KubernetesAgent, Cluster: "build01", Job: "j"},
			Status:     prowv1.ProwJobStatus{State: prowv1.SuccessState, StartTime: metav1.Now(), CompletionTime: new(metav1.Now())},
		}
		prowjob.MarkReady(pj, "ipi-aws", pj.Status.StartTime.Add(took))
		c.create(c.app, pj)
	}

	// The reconciler may not have seen them yet when it sees the first that waits.
	const tries = 100

	told := false
	for i := 0; !told && i < tries; i++ {
		name := "waiting-" + strconv.Itoa(i)
		c.createCluster(name, v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})
		told = strings.HasPrefix(c.waits(name), "ci-operator NS not found; ipi-aws usually takes 38m (90% within 52m), started ")
	}

	if !told {
		c.t.Error("want who waits told how long others took")
	}
}

// waits returns what an EphemeralCluster says that waits for its cluster.
func (c *clusters) waits(name string) string {
	c.t.Helper()

	message := ""

	c.until(name+" waits", func(ctx context.Context) (bool, error) {
		ec := &v1.EphemeralCluster{}
		if err := c.app.Get(ctx, key(name), ec); err != nil {
			return false, err
		}

		cond := ec.Status.GetCondition(v1.ConditionClusterReady)
		if cond != nil {
			message = cond.Message
		}

		return cond != nil, nil
	})

	return message
}

// testConflicts changes an EphemeralCluster all the time, and makes sure that what the
// reconciler sees of it late costs neither a ProwJob nor an error.
func testConflicts(c *clusters) {
	c.t.Helper()
	c.createCluster("busy", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})

	busy, rest := context.WithCancel(c.t.Context())
	done := make(chan struct{})

	go func() {
		defer close(done)

		// Often enough for conflicts, and not so often that nobody else gets to write.
		t := time.NewTicker(20 * time.Millisecond)
		defer t.Stop()

		for i := 0; busy.Err() == nil; i++ {
			ec := &v1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: "busy"}}
			patch := `{"metadata":{"annotations":{"busy":"` + strconv.Itoa(i) + `"}}}`
			_ = c.app.Patch(busy, ec, client.RawPatch(types.MergePatchType, []byte(patch)))

			<-t.C
		}
	}()

	pj := c.runJob("busy")
	c.createNamespace("ci-op-busy", pj)
	c.createSecret("ci-op-busy", "cluster-provisioning", nil)
	c.publish("busy", "ci-op-busy", "cluster-provisioning", map[string][]byte{"kubeconfig": []byte(canary)})
	c.tearDown("busy")
	c.signalled("busy", "ci-op-busy")
	rest()
	<-done
	c.endJob(pj, prowv1.SuccessState)
	c.phase("busy", v1.PhaseDeprovisioned, "prowjob state: success")

	l := &prowv1.ProwJobList{}
	if err := c.app.List(c.t.Context(), l, client.MatchingLabels{v1.LabelEphemeralCluster: "busy"}); err != nil || len(l.Items) != 1 {
		c.t.Errorf("want one ProwJob, got %d, error %v", len(l.Items), err)
	}

	if !strings.Contains(c.get(c.t.Context(), "http://"+c.metrics+"/metrics"), `rest_client_requests_total{code="409"`) {
		c.t.Error("want conflicts, or nothing was proven")
	}

	for line := range strings.Lines(c.logs.String()) {
		if strings.Contains(line, `"level":"error"`) && strings.Contains(line, "busy") {
			c.t.Errorf("want no conflict reported as an error: %s", line)
		}
	}
}

// testMetrics makes sure that what is promised of metrics is served.
func testMetrics(c *clusters) {
	c.t.Helper()

	want := []string{
		`controller_runtime_reconcile_total{controller="ephemeralcluster",result="success"}`,
		`ephemeralcluster_build_cluster_available{cluster="build01"} 1`,
		`ephemeralcluster_build_cluster_available{cluster="build02"} 1`,
		`ephemeralcluster_count{cluster_profile="moon",konflux_cluster="stone-prd-rh01",konflux_tenant="team-a",phase="Failed",workflow="ipi-aws"} 1`,
		`ephemeralcluster_deprovisioning_duration_seconds_count{workflow="ipi-aws"} 4`,
		`ephemeralcluster_provisioning_duration_seconds_count{workflow="ipi-aws"} 3`,
		`ephemeralcluster_publish_latency_seconds_count 4`,
		`ephemeralcluster_typical_provisioning_duration_seconds{percentile="50",workflow="ipi-aws"}`,
		`ephemeralcluster_typical_provisioning_duration_seconds{percentile="90",workflow="ipi-aws"}`,
		`leader_election_master_status{name="ephemeral-cluster-reconciler"} 1`,
		`rest_client_requests_total{code="200"`,
		`workqueue_depth{controller="ephemeralcluster"`,
		`workqueue_queue_duration_seconds_count{controller="ephemeralcluster"`,
	}

	defer func() {
		if len(want) > 0 {
			c.t.Errorf("metrics that are not served: %q", want)
		}
	}()

	c.until("all metrics are served", func(ctx context.Context) (bool, error) {
		served := c.get(ctx, "http://"+c.metrics+"/metrics")
		want = slices.DeleteFunc(want, func(m string) bool { return strings.Contains(served, m) })

		return len(want) == 0, nil
	})
}

func testHealth(c *clusters) {
	c.t.Helper()

	for _, path := range []string{"/healthz", "/readyz"} {
		if got := c.get(c.t.Context(), "http://"+c.health+path); got != "ok" {
			c.t.Errorf("%s: want ok, got %q", path, got)
		}
	}
}

// testEvents makes sure that the API server takes the Events, and that they are few.
func testEvents(c *clusters) {
	c.t.Helper()

	want := map[string]int{"ProwJobCreated": 1, "CredentialsPublished": 1, "TearDownSignalled": 1, "Deprovisioned": 1}

	c.until("the Events of a life are there", func(ctx context.Context) (bool, error) {
		l := &corev1.EventList{}
		if err := c.app.List(ctx, l, client.InNamespace(v1.DefaultNamespace)); err != nil {
			return false, err
		}

		got := map[string]int{}
		for _, e := range l.Items {
			if e.InvolvedObject.Name == "busy" {
				got[e.Reason]++
			}
		}

		if len(got) == len(want) && !maps.Equal(want, got) {
			c.t.Fatalf("Events: -want, +got:\n%s", cmp.Diff(want, got))
		}

		return maps.Equal(want, got), nil
	})
}

// get returns what an HTTP server answers.
func (c *clusters) get(ctx context.Context, url string) string {
	c.t.Helper()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}

	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()

	b, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}

	return string(b)
}
