package config

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

const (
	// assets is where the binaries of a control plane are, and kubectl.
	assets = apiserver.Assets

	repository = "../.."
)

// A cluster is a control plane that a tree is applied to.
type cluster struct {
	client.Client

	cfg        *rest.Config
	kubeconfig string
}

// startCluster starts a control plane with the CRDs of files and some more, and some
// namespaces.
func startCluster(t *testing.T, files []string, more []*extv1.CustomResourceDefinition, namespaces ...string) *cluster {
	t.Helper()

	if os.Getenv(assets) == "" {
		t.Skipf("%s does not say where kube-apiserver, etcd and kubectl are", assets)
	}

	log.SetLogger(logr.Discard())

	env := &envtest.Environment{CRDs: append(readCRDs(t, files), more...)}
	cfg := apiserver.Start(t, env)

	// A table of requests is not a load.
	cfg.QPS = -1

	kube, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}

	c := &cluster{Client: kube, cfg: cfg, kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	if err := os.WriteFile(c.kubeconfig, env.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, ns := range namespaces {
		c.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}})
	}

	return c
}

// readCRDs reads CRDs. No webhook that converts between their versions runs here.
func readCRDs(t *testing.T, patterns []string) []*extv1.CustomResourceDefinition {
	t.Helper()

	var crds []*extv1.CustomResourceDefinition

	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no file matches %q", pattern)
		}

		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}

			crd := &extv1.CustomResourceDefinition{}
			if err := yaml.Unmarshal(b, crd); err != nil {
				t.Fatal(err)
			}

			crd.Spec.Conversion = nil
			crds = append(crds, crd)
		}
	}

	return crds
}

// moduleDir returns where a module is whose CRDs are installed.
func moduleDir(t *testing.T, module string) string {
	t.Helper()

	b, err := components.NewBuilder(t.Output())
	if err != nil {
		t.Fatal(err)
	}

	dir, err := b.ModuleDir(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}

	return dir
}

func run(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(in)

	stderr := &bytes.Buffer{}
	cmd.Stderr = stderr

	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr)
	}

	return out
}

func kubectl() string {
	return filepath.Join(os.Getenv(assets), components.Kubectl)
}

// apply builds a tree and applies it, as one would by hand, and once more: what was
// applied can be applied again.
func (c *cluster) apply(t *testing.T, dir string) {
	t.Helper()

	built := run(t, nil, kubectl(), "kustomize", dir)

	for range 2 {
		run(t, built, kubectl(), "--kubeconfig", c.kubeconfig, "apply", "--server-side", "-f", "-")
	}
}

func (c *cluster) create(t *testing.T, objs ...client.Object) {
	t.Helper()

	for _, o := range objs {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatalf("cannot create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// as returns a client that is somebody else.
func (c *cluster) as(t *testing.T, user string, groups ...string) client.Client {
	t.Helper()

	cfg := rest.CopyConfig(c.cfg)
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: append([]string{"system:authenticated"}, groups...)}

	out, err := client.New(cfg, client.Options{Mapper: c.RESTMapper()})
	if err != nil {
		t.Fatal(err)
	}

	return out
}

// asAccount returns a client that is a ServiceAccount.
func (c *cluster) asAccount(t *testing.T, namespace, name string) client.Client {
	t.Helper()

	return c.as(t, "system:serviceaccount:"+namespace+":"+name, "system:serviceaccounts", "system:serviceaccounts:"+namespace)
}
