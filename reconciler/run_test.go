package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	canary = "canary-4c1d9e"

	prowConfigPath = "testdata/prow-config.yaml"

	// patience for what must happen at once.
	patience = 2 * time.Minute
)

// prowConfig is a file because Prow goes on reading it after a test has ended.
//
//go:embed testdata/prow-config.yaml
var prowConfig string

const profilesConfig = `
cluster_profiles:
- name: aws
  cluster_type: aws
  owners: [{konflux: {tenant: team-a, clusters: [stone-prd-rh01]}}]
`

const podTemplate = "priorityClassName: ci"

// logs is a log that may be read while it is written to.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.b.String()
}

// TestRun runs the reconciler against two real API servers, under the rights that
// it has in production. The test is Prow and ci-operator.
func TestRun(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("KUBEBUILDER_ASSETS does not say where etcd and kube-apiserver are")
	}

	c := start(t)
	beginOutage(c)

	t.Run("ClusterProfile", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("profile", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})
		pj := c.runJob("profile")
		c.createNamespace("ci-op-profile", pj)
		c.createSecret("ci-op-profile", "cluster-provisioning", nil)
		c.phase("profile", v1.PhaseProvisioning, "kubeconfig not ready")

		took := c.publish("profile", "ci-op-profile", "cluster-provisioning", map[string][]byte{"kubeconfig": []byte(canary)})
		t.Logf("from kubeconfig to credentials: %s", took)

		c.tearDown("profile")
		c.signalled("profile", "ci-op-profile")
		c.endJob(pj, prowv1.SuccessState)
		c.phase("profile", v1.PhaseDeprovisioned, "prowjob state: success")
	})

	t.Run("ClusterClaim", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("claim", v1.Test{ClusterClaim: &v1.ClusterClaim{Cloud: "aws", Owner: "o", Version: "4.20", Timeout: "1h"}})
		pj := c.runJob("claim")
		c.createNamespace("ci-op-claim", pj)
		c.phase("claim", v1.PhaseProvisioning, "hive secrets not ready")
		c.createSecret("ci-op-claim", "cluster-provisioning-hive-admin-kubeconfig", map[string][]byte{"kubeconfig": []byte(canary)})
		c.createSecret("ci-op-claim", "cluster-provisioning-hive-admin-password", nil)
		c.publish("claim", "ci-op-claim", "cluster-provisioning-hive-admin-password", map[string][]byte{"password": []byte(canary)})
		c.tearDown("claim")
		c.signalled("claim", "ci-op-claim")
		c.endJob(pj, prowv1.FailureState)
		c.phase("claim", v1.PhaseFailed, "prowjob state: failure")
	})

	t.Run("Refused", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("refused", v1.Test{Workflow: "ipi-aws", ClusterProfile: "moon"})
		c.phase("refused", v1.PhaseFailed, `cluster profile "moon" does not exist: choose one that does`)
	})

	t.Run("DeletedWhileScheduling", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("early", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})
		pj := c.job("early")
		c.deleteCluster("early")
		c.gone("early")

		if err := c.app.Get(t.Context(), client.ObjectKeyFromObject(pj), pj); err != nil || pj.Status.State != prowv1.AbortedState || pj.Status.CompletionTime == nil {
			t.Errorf("want the ProwJob aborted and complete, got %+v, %v", pj.Status, err)
		}
	})

	t.Run("DeletedWhileProvisioning", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("late", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})
		pj := c.runJob("late")
		c.createNamespace("ci-op-late", pj)
		c.phase("late", v1.PhaseProvisioning, "kubeconfig not ready")
		c.deleteCluster("late")
		c.signalled("late", "ci-op-late")
		c.endJob(pj, prowv1.SuccessState)
		c.gone("late")
	})

	t.Run("Orphan", func(t *testing.T) {
		c := c.with(t)
		pj := &prowv1.ProwJob{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "orphan", Labels: map[string]string{v1.LabelEphemeralCluster: "nobody"}},
			Spec:       prowv1.ProwJobSpec{Type: prowv1.PeriodicJob, Agent: prowv1.KubernetesAgent, Cluster: "build01", Job: "j"},
			Status:     prowv1.ProwJobStatus{State: prowv1.PendingState, StartTime: metav1.Now()},
		}
		if err := c.app.Create(t.Context(), pj); err != nil {
			t.Fatal(err)
		}

		c.until("the orphan is aborted", func(ctx context.Context) (bool, error) {
			err := c.app.Get(ctx, client.ObjectKeyFromObject(pj), pj)

			return pj.Status.State == prowv1.AbortedState && pj.Status.Description == "Ephemeral Cluster not found", err
		})
	})

	t.Run("Durations", func(t *testing.T) { testDurations(c.with(t)) })
	t.Run("Conflicts", func(t *testing.T) { testConflicts(c.with(t)) })
	t.Run("Outage", func(t *testing.T) { testOutage(c.with(t)) })
	t.Run("Metrics", func(t *testing.T) { testMetrics(c.with(t)) })
	t.Run("Health", func(t *testing.T) { testHealth(c.with(t)) })
	t.Run("Events", func(t *testing.T) { testEvents(c.with(t)) })

	t.Run("NoCredentialsInLogs", func(t *testing.T) {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
			if strings.Contains(c.logs.String(), form) {
				t.Errorf("want no credentials in logs, found %q", form)
			}
		}

		if !strings.Contains(c.logs.String(), `"level":"debug"`) {
			t.Error("want debug logs, or nothing was proven")
		}
	})

	t.Run("NothingForbidden", func(t *testing.T) {
		for line := range strings.Lines(c.logs.String()) {
			if strings.Contains(line, "forbidden") {
				t.Errorf("want the documented rights to be enough: %s", line)
			}
		}
	})
}
