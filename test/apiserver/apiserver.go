// Package apiserver starts real API servers for the tests of single packages, which wait
// for them as long as a machine may take that does much else.
package apiserver

import (
	"os"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Assets is the environment variable that says where the programs are.
const Assets = "KUBEBUILDER_ASSETS"

const (
	startTimeout = 2 * time.Minute
	stopTimeout  = time.Minute
	crdTimeout   = time.Minute
)

// Start starts etcd and kube-apiserver, which end with the test, and returns how an
// administrator reaches them. A test that is not told where the programs are is skipped.
func Start(t *testing.T, env *envtest.Environment) *rest.Config {
	t.Helper()

	if os.Getenv(Assets) == "" {
		t.Skipf("%s does not say where etcd and kube-apiserver are", Assets)
	}

	env.ControlPlaneStartTimeout = startTimeout
	env.CRDInstallOptions.MaxTime = crdTimeout

	if env.ControlPlaneStopTimeout == 0 {
		env.ControlPlaneStopTimeout = stopTimeout
	}

	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("cannot stop control plane: %v", err)
		}
	})

	cfg, err := env.Start()
	if err != nil {
		t.Fatalf("cannot start control plane: %v", err)
	}

	return cfg
}
