package main

import (
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

// start starts two API servers and the reconciler.
func start(t *testing.T) *clusters {
	t.Helper()

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, prowv1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}

	// controller-runtime gives up on logs that are set up late.
	c := &clusters{t: t, logs: &logs{}, patience: patience}
	setUpLogs(c.logs, logrus.DebugLevel)
	t.Cleanup(func() { logrus.SetOutput(os.Stderr) })

	app := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join("..", "api", "crd"), prowJobCRD(t)}, ErrorIfCRDPathMissing: true}
	build := &envtest.Environment{}
	contexts := map[string]*envtest.AuthenticatedUser{}

	for alias, env := range map[string]*envtest.Environment{"app.ci": app, "build01": build} {
		cfg := apiserver.Start(t, env)

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
			c.gate = newGate(c, cfg.Host)
		}
	}

	c.grant()

	dir := t.TempDir()
	c.health, c.metrics = freeAddress(t), freeAddress(t)
	args := []string{
		"--config-path=" + prowConfigPath,
		"--cluster-profiles-config=" + file(t, dir, "profiles.yaml", profilesConfig),
		"--kubeconfig=" + kubeconfig(t, dir, contexts, c.gate),
		"--pod-template=" + file(t, dir, "template.yaml", podTemplate),
		"--health-address=" + c.health,
		"--metrics-address=" + c.metrics,
		"--metrics-interval=1s",
	}

	o := &options{}
	if err := o.parse(flag.NewFlagSet("test", flag.ContinueOnError), args); err != nil {
		t.Fatal(err)
	}

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
// Behind a gate is build02.
func kubeconfig(t *testing.T, dir string, contexts map[string]*envtest.AuthenticatedUser, g *gate) string {
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

	hung := merged.Clusters["build01"].DeepCopy()
	hung.Server = "https://" + g.Addr().String()
	merged.Clusters["build02"] = hung
	merged.Contexts["build02"] = &clientcmdapi.Context{Cluster: "build02", AuthInfo: "build01"}

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
