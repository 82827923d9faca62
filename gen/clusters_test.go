package main

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xv2 "github.com/crossplane/crossplane/apis/v2/apiextensions/v2"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

// A konfluxCluster is the API server of a Konflux cluster without Crossplane.
type konfluxCluster struct {
	cfg    *rest.Config
	client client.Client
}

func (k *konfluxCluster) create(t *testing.T, o client.Object) {
	t.Helper()

	if err := k.client.Create(t.Context(), o); err != nil {
		t.Fatalf("cannot create %s: %v", o.GetName(), err)
	}
}

// serve does what Crossplane does for an XRD.
func (k *konfluxCluster) serve(t *testing.T, x *xv1.CompositeResourceDefinition) {
	t.Helper()

	crds, err := xrd.Serve(x)
	if err != nil {
		t.Fatalf("Serve(...): %v", err)
	}

	for _, crd := range crds {
		crd.SetOwnerReferences(nil)
	}

	if _, err := envtest.InstallCRDs(k.cfg, envtest.CRDInstallOptions{CRDs: crds, MaxTime: time.Minute}); err != nil {
		t.Fatalf("cannot install what Crossplane would serve: %v", err)
	}
}

// startClusters starts both clusters, and returns the environment of a program that
// reaches them.
func startClusters(t *testing.T) (*konfluxCluster, []string) {
	t.Helper()

	kubeconfig := clientcmdapi.NewConfig()

	startCluster(t, kubeconfig, "app.ci", &envtest.Environment{CRDs: []*extv1.CustomResourceDefinition{loadCRD(t)}})
	cfg := startCluster(t, kubeconfig, "konflux", &envtest.Environment{CRDDirectoryPaths: []string{xrdCRD(t)}, ErrorIfCRDPathMissing: true})

	addContext(kubeconfig, "nowhere", &rest.Config{Host: "https://127.0.0.1:1"})

	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*kubeconfig, path); err != nil {
		t.Fatal(err)
	}

	scheme := runtime.NewScheme()

	for _, add := range []func(*runtime.Scheme) error{xv1.AddToScheme, xv2.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}

	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}

	return &konfluxCluster{cfg: cfg, client: c}, []string{clientcmd.RecommendedConfigPathEnvVar + "=" + path}
}

// startCluster starts a control plane and makes two contexts for it: an
// administrator's and, with a suffix, that of somebody without rights.
func startCluster(t *testing.T, kubeconfig *clientcmdapi.Config, name string, env *envtest.Environment) *rest.Config {
	t.Helper()

	cfg := apiserver.Start(t, env)

	nobody, err := env.AddUser(envtest.User{Name: "nobody"}, nil)
	if err != nil {
		t.Fatalf("cannot add user: %v", err)
	}

	addContext(kubeconfig, name, cfg)
	addContext(kubeconfig, name+"-nobody", nobody.Config())

	return cfg
}

func addContext(kubeconfig *clientcmdapi.Config, name string, cfg *rest.Config) {
	cluster := clientcmdapi.NewCluster()
	cluster.Server = cfg.Host
	cluster.CertificateAuthorityData = cfg.CAData

	user := clientcmdapi.NewAuthInfo()
	user.ClientCertificateData = cfg.CertData
	user.ClientKeyData = cfg.KeyData

	kubeconfig.Clusters[name] = cluster
	kubeconfig.AuthInfos[name] = user
	kubeconfig.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
}

// xrdCRD returns the file of the CRD of XRDs, from Crossplane's module.
func xrdCRD(t *testing.T) string {
	t.Helper()

	b, err := components.NewBuilder(io.Discard)
	if err != nil {
		t.Fatalf("NewBuilder(...): %v", err)
	}

	dir, err := b.ModuleDir(context.Background(), components.CrossplaneModule)
	if err != nil {
		t.Fatalf("ModuleDir(...): %v", err)
	}

	return filepath.Join(dir, "cluster", "crds", "apiextensions.crossplane.io_compositeresourcedefinitions.yaml")
}
