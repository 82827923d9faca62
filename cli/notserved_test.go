package main

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// An API server that could not answer, and then does not know claims, may only just have
// started.
func TestNotServedYet(t *testing.T) {
	var schemas atomic.Int32

	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/openapi/v3":
			http.NotFound(w, r)
		case schemas.Add(1) == 1:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		default:
			_, _ = w.Write([]byte(`{"paths": {}}`))
		}
	}))
	defer server.Close()

	p := &proxy{server: server}

	r := launch(t, p.kubeconfig(t, "tenant-a", &clientcmdapi.AuthInfo{}), arguments()...)

	eventually(t, "asking again", func() error {
		if n := schemas.Load(); n < 3 {
			return errors.Errorf("asked %d times\n%s", n, r.err)
		}

		return nil
	})

	must(t, r.cmd.Process.Kill())
	_ = r.cmd.Wait()
}

// A cluster that is no Konflux cluster is told apart from one without claims.
func TestNotServed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/openapi/v3" {
			_, _ = w.Write([]byte(`{"paths": {}}`))

			return
		}

		http.NotFound(w, r)
	}))
	defer server.Close()

	p := &proxy{server: server}
	file := p.kubeconfig(t, "tenant-a", &clientcmdapi.AuthInfo{})

	want := "tpc: this cluster does not know testplatformclusters.ci.openshift.org: is it a Konflux cluster? --context and --kubeconfig say which cluster it is\n"

	for _, args := range [][]string{arguments(), {"list"}, {"status", "demo"}, {"deprovision", "demo", "--wait"}} {
		r := launch(t, file, args...)
		r.exits(t, exitFailed)

		if diff := cmp.Diff(want, r.err.String()); diff != "" {
			t.Errorf("%s: standard error: -want, +got:\n%s", args[0], diff)
		}
	}
}
