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
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
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

// clusters are the two API servers, with rights to do anything there.
type clusters struct {
	t     *testing.T
	app   client.Client
	build client.Client
	logs  *logs
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

// grant gives the reconciler its rights, and no more.
func (c *clusters) grant() {
	c.t.Helper()

	events := rbacv1.PolicyRule{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}}
	c.role(c.app, "ephemeral-cluster",
		rbacv1.PolicyRule{APIGroups: []string{"ci.openshift.io"}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"get", "list", "watch", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{"ci.openshift.io"}, Resources: []string{"ephemeralclusters/status"}, Verbs: []string{"patch"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "update"}},
		events,
	)
	c.role(c.app, "ci",
		rbacv1.PolicyRule{APIGroups: []string{"prow.k8s.io"}, Resources: []string{"prowjobs"}, Verbs: []string{"get", "list", "watch", "create", "patch"}},
		rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
		events,
	)

	cr := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reconciler"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list", "watch"}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "watch"}, ResourceNames: []string{
			"cluster-provisioning", "cluster-provisioning-hive-admin-kubeconfig", "cluster-provisioning-hive-admin-password",
		}},
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}},
	}}
	crb := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reconciler"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reconciler"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "reconciler"}},
	}

	for _, o := range []client.Object{cr, crb} {
		c.create(c.build, o)
	}
}

func (c *clusters) role(cl client.Client, namespace string, rules ...rbacv1.PolicyRule) {
	c.t.Helper()

	meta := metav1.ObjectMeta{Namespace: namespace, Name: "reconciler"}
	c.create(cl, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	c.create(cl, &rbacv1.Role{ObjectMeta: meta, Rules: rules})
	c.create(cl, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reconciler"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "reconciler"}},
	})
}

func (c *clusters) with(t *testing.T) *clusters {
	t.Helper()

	return &clusters{t: t, app: c.app, build: c.build, logs: c.logs}
}

func (c *clusters) create(cl client.Client, o client.Object) {
	c.t.Helper()

	if err := cl.Create(c.t.Context(), o); err != nil {
		c.t.Fatalf("cannot create %T %s: %v", o, o.GetName(), err)
	}
}

func (c *clusters) until(what string, fn wait.ConditionWithContextFunc) {
	c.t.Helper()

	if err := wait.PollUntilContextTimeout(c.t.Context(), 10*time.Millisecond, patience, true, fn); err != nil {
		c.t.Fatalf("want that %s: %v", what, err)
	}
}

func key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: v1.DefaultNamespace, Name: name}
}

func (c *clusters) createCluster(name string, test v1.Test) {
	c.t.Helper()

	ec := &v1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name, Annotations: map[string]string{
			v1.AnnotationKonfluxTenant: "team-a", v1.AnnotationKonfluxCluster: "stone-prd-rh01",
		}},
		Spec: v1.EphemeralClusterSpec{CIOperator: v1.CIOperatorSpec{
			Releases: map[string]v1.Release{"latest": {Candidate: &v1.Candidate{Product: "ocp", Stream: "nightly", Version: "4.20"}}},
			Test:     test,
		}},
	}
	c.create(c.app, ec)
}

func (c *clusters) job(name string) *prowv1.ProwJob {
	c.t.Helper()

	ec, pj := &v1.EphemeralCluster{}, &prowv1.ProwJob{}
	c.until("there is a ProwJob", func(ctx context.Context) (bool, error) {
		if err := c.app.Get(ctx, key(name), ec); err != nil {
			return false, err
		}

		err := c.app.Get(ctx, types.NamespacedName{Namespace: "ci", Name: prowjob.Name(ec.GetUID())}, pj)

		return err == nil, client.IgnoreNotFound(err)
	})

	return pj
}

// runJob schedules and starts the ProwJob, as Prow does.
func (c *clusters) runJob(name string) *prowv1.ProwJob {
	c.t.Helper()

	pj := c.job(name)
	if pj.Status.State != prowv1.SchedulingState {
		c.t.Errorf("want the ProwJob created for the scheduler, got state %q", pj.Status.State)
	}

	before := pj.DeepCopy()
	pj.Status.State = prowv1.PendingState
	pj.Status.URL = "https://prow.example.com/" + name

	if err := c.app.Patch(c.t.Context(), pj, client.MergeFrom(before)); err != nil {
		c.t.Fatal(err)
	}

	return pj
}

func (c *clusters) endJob(pj *prowv1.ProwJob, s prowv1.ProwJobState) {
	c.t.Helper()

	before := pj.DeepCopy()
	pj.Status.State = s
	pj.SetComplete()

	if err := c.app.Patch(c.t.Context(), pj, client.MergeFrom(before)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) createNamespace(name string, pj *prowv1.ProwJob) {
	c.t.Helper()
	c.create(c.build, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelJobID: pj.GetName()}}})
}

func (c *clusters) createSecret(namespace, name string, data map[string][]byte) {
	c.t.Helper()
	c.create(c.build, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data})
}

// publish fills a Secret on the build cluster, and returns how long it took until
// the credentials were published.
func (c *clusters) publish(name, namespace, secret string, data map[string][]byte) time.Duration {
	c.t.Helper()

	if err := c.build.Update(c.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: secret}, Data: data}); err != nil {
		c.t.Fatal(err)
	}

	began := time.Now()

	c.phase(name, v1.PhaseReady, "")

	took := time.Since(began)

	s := &corev1.Secret{}
	if err := c.app.Get(c.t.Context(), key(name+"-credentials"), s); err != nil || string(s.Data["kubeconfig"]) != canary {
		c.t.Errorf("want the credentials published, got error %v", err)
	}

	if _, ok := s.Data["kubeAdminPassword"]; !ok {
		c.t.Error("want kubeAdminPassword always there")
	}

	return took
}

// phase waits for a phase and, with a message, for a condition that has it.
func (c *clusters) phase(name string, p v1.Phase, message string) {
	c.t.Helper()
	c.until(name+" is "+string(p)+" "+message, func(ctx context.Context) (bool, error) {
		ec := &v1.EphemeralCluster{}
		if err := c.app.Get(ctx, key(name), ec); err != nil {
			return false, err
		}

		found := message == ""
		for _, cond := range ec.Status.Conditions {
			found = found || cond.Message == message
		}

		return ec.Status.Phase == p && found, nil
	})
}

func (c *clusters) tearDown(name string) {
	c.t.Helper()

	ec := &v1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name}}
	patch := client.RawPatch(types.JSONPatchType, []byte(`[{"op":"add","path":"/spec/tearDownCluster","value":true}]`))

	if err := c.app.Patch(c.t.Context(), ec, patch); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) deleteCluster(name string) {
	c.t.Helper()

	if err := c.app.Delete(c.t.Context(), &v1.EphemeralCluster{ObjectMeta: metav1.ObjectMeta{Namespace: v1.DefaultNamespace, Name: name}}); err != nil {
		c.t.Fatal(err)
	}
}

func (c *clusters) gone(name string) {
	c.t.Helper()
	c.until(name+" is gone", func(ctx context.Context) (bool, error) {
		err := c.app.Get(ctx, key(name), &v1.EphemeralCluster{})

		return kerrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}

func (c *clusters) signalled(namespace string) {
	c.t.Helper()
	c.until(namespace+" has the signal", func(ctx context.Context) (bool, error) {
		err := c.build.Get(ctx, types.NamespacedName{Namespace: namespace, Name: v1.SecretTestDone}, &corev1.Secret{})

		return err == nil, client.IgnoreNotFound(err)
	})
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

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = l.Close() }()

	return l.Addr().String()
}
