package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	canary = "canary-4c1d9e"

	// patience for what must happen at once.
	patience = 30 * time.Second
)

const prowConfig = `
prowjob_namespace: ci
pod_namespace: ci
log_level: debug
plank:
  default_decoration_config_entries:
  - config:
      gcs_credentials_secret: gcs
      gcs_configuration: {bucket: b, path_strategy: single, default_org: o, default_repo: r}
      utility_images: {clonerefs: c, initupload: i, entrypoint: e, sidecar: s}
`

const profilesConfig = `
cluster_profiles:
- name: aws
  cluster_type: aws
  owners: [{konflux: {tenant: team-a, clusters: [stone-prd-rh01]}}]
`

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

	t.Run("ClusterProfile", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("profile", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})
		pj := c.runJob("profile")
		c.createNamespace("ci-op-profile", pj)
		c.createSecret("ci-op-profile", "cluster-provisioning", nil)
		c.phase("profile", v1.PhaseProvisioning, "kubeconfig not ready")

		took := c.publish("profile", "ci-op-profile", "cluster-provisioning", map[string][]byte{"kubeconfig": []byte(canary)})
		t.Logf("from kubeconfig to credentials: %s", took)

		if took > time.Second {
			t.Errorf("want the credentials within a second, took %s", took)
		}

		c.tearDown("profile")
		c.signalled("ci-op-profile")
		c.endJob(pj, prowv1.SuccessState)
		c.phase("profile", v1.PhaseDeprovisioned, "prowjob state: success")
	})

	t.Run("ClusterClaim", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("claim", v1.Test{ClusterClaim: &v1.ClusterClaim{Cloud: "aws", Owner: "o", Version: "4.20", Timeout: &metav1.Duration{Duration: time.Hour}}})
		pj := c.runJob("claim")
		c.createNamespace("ci-op-claim", pj)
		c.phase("claim", v1.PhaseProvisioning, "hive secrets not ready")
		c.createSecret("ci-op-claim", "cluster-provisioning-hive-admin-kubeconfig", map[string][]byte{"kubeconfig": []byte(canary)})
		c.createSecret("ci-op-claim", "cluster-provisioning-hive-admin-password", nil)
		c.publish("claim", "ci-op-claim", "cluster-provisioning-hive-admin-password", map[string][]byte{"password": []byte(canary)})
		c.tearDown("claim")
		c.signalled("ci-op-claim")
		c.endJob(pj, prowv1.FailureState)
		c.phase("claim", v1.PhaseFailed, "prowjob state: failure")
	})

	t.Run("Refused", func(t *testing.T) {
		c := c.with(t)
		c.createCluster("refused", v1.Test{Workflow: "ipi-aws", ClusterProfile: "moon"})
		c.phase("refused", v1.PhaseFailed, `cluster profile "moon" does not exist`)
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
		c.signalled("ci-op-late")
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

// start starts two API servers and the reconciler.
func start(t *testing.T) *clusters {
	t.Helper()

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, prowv1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}

	app := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join("..", "api", "crd"), prowJobCRD(t)}, ErrorIfCRDPathMissing: true}
	build := &envtest.Environment{}
	c := &clusters{t: t, logs: &logs{}}
	contexts := map[string]*envtest.AuthenticatedUser{}

	for alias, env := range map[string]*envtest.Environment{"app.ci": app, "build01": build} {
		cfg, err := env.Start()
		if err != nil {
			t.Fatalf("cannot start %s: %v", alias, err)
		}

		t.Cleanup(func() {
			if err := env.Stop(); err != nil {
				t.Errorf("cannot stop %s: %v", alias, err)
			}
		})

		u, err := env.AddUser(envtest.User{Name: "reconciler"}, nil)
		if err != nil {
			t.Fatal(err)
		}

		contexts[alias] = u

		cl, err := client.New(cfg, client.Options{Scheme: scheme})
		if err != nil {
			t.Fatal(err)
		}

		if alias == "app.ci" {
			c.app = cl
		} else {
			c.build = cl
		}
	}

	c.grant()

	dir := t.TempDir()
	health := freeAddress(t)
	args := []string{
		"--config-path=" + file(t, dir, "config.yaml", prowConfig),
		"--cluster-profiles-config=" + file(t, dir, "profiles.yaml", profilesConfig),
		"--kubeconfig=" + kubeconfig(t, dir, contexts),
		"--health-address=" + health,
		"--metrics-address=127.0.0.1:0",
		"--log-level=debug",
	}

	o := &options{}
	if err := o.parse(flag.NewFlagSet("test", flag.ContinueOnError), args); err != nil {
		t.Fatal(err)
	}

	setUpLogs(c.logs, o.level)
	t.Cleanup(func() { logrus.SetOutput(os.Stderr) })

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)

	go func() { ended <- run(ctx, o) }()

	t.Cleanup(func() {
		cancel()

		if err := <-ended; err != nil {
			t.Errorf("run(...): %v", err)
		}

		if t.Failed() {
			t.Log(c.logs.String())
		}
	})

	return c
}

func prowJobCRD(t *testing.T) string {
	t.Helper()

	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/prow").Output()
	if err != nil {
		t.Fatal(err)
	}

	return filepath.Join(strings.TrimSpace(string(out)), "config", "prow", "cluster", "prowjob-crd")
}

func file(t *testing.T, dir, name, content string) string {
	t.Helper()

	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

// kubeconfig writes a file with a context for each cluster, app.ci's the current.
func kubeconfig(t *testing.T, dir string, contexts map[string]*envtest.AuthenticatedUser) string {
	t.Helper()

	merged := clientcmdapi.NewConfig()
	merged.CurrentContext = "app.ci"

	for alias, u := range contexts {
		b, err := u.KubeConfig()
		if err != nil {
			t.Fatal(err)
		}

		one, err := clientcmd.Load(b)
		if err != nil {
			t.Fatal(err)
		}

		current := one.Contexts[one.CurrentContext]
		merged.Clusters[alias] = one.Clusters[current.Cluster]
		merged.AuthInfos[alias] = one.AuthInfos[current.AuthInfo]
		merged.Contexts[alias] = &clientcmdapi.Context{Cluster: alias, AuthInfo: alias}
	}

	path := filepath.Join(dir, "kubeconfig")
	if err := clientcmd.WriteToFile(*merged, path); err != nil {
		t.Fatal(err)
	}

	return path
}

func freeAddress(t *testing.T) string {
	t.Helper()

	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = l.Close() }()

	return l.Addr().String()
}
