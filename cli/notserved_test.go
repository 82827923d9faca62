package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

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
