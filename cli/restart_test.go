package main

import (
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// Nor does it matter that the API server is restarted, not even gently.
func TestRestart(t *testing.T) {
	certs := t.TempDir()
	k := startKonflux(t, xrdtest.Claims, func(env *envtest.Environment) {
		// They must outlive it.
		env.ControlPlane.GetAPIServer().CertDir = certs
		// An API server that is told to stop waits a minute for watches to end. It is
		// killed before, and etcd has ended by then.
		env.ControlPlaneStopTimeout = 10 * time.Second
	})

	file := k.kubeconfig(t, "restart")

	r := launch(t, file, arguments("--wait", "--namespace=restart")...)
	must(t, k.report(t.Context(), "restart", "demo", life.Installing))
	r.await(t, "Provisioning: ")

	if err := k.env.ControlPlane.APIServer.Stop(); err == nil {
		t.Log("the API server has ended by itself")
	}

	r.await(t, "trying again: .*connection refused")

	// Whoever begins while there is no API server waits for it too.
	second := launch(t, file, arguments("--wait", "--namespace=restart")...)

	eventually(t, "missing the API server", func() error {
		if !strings.Contains(second.err.String(), "tpc: trying again: ") {
			return errors.New(second.err.String())
		}

		return nil
	})

	k.env.ControlPlane.APIServer.StopTimeout = time.Minute
	must(t, k.env.ControlPlane.APIServer.Start())
	must(t, k.report(t.Context(), "restart", "demo", life.Ready))
	must(t, k.publish(t.Context(), "restart", "demo"))
	r.exits(t, 0)
	second.exits(t, 0)

	if !strings.Contains(second.out.String(), "demo exists in namespace restart, as it is asked for") {
		t.Errorf("want the second to take up what the first has begun, got:\n%s", second.out)
	}
}
