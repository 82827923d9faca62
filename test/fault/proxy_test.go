//go:build linux && e2e

package fault

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// A gate lets a number of writes through to several API servers, one at a time.
// Whoever made the last one never hears that it was made: it is killed first, and
// nothing that it still asks for is let through.
type gate struct {
	mu     sync.Mutex
	left   int
	closed bool
	closes int

	// kill ends the process behind the gate.
	kill func()
}

// open lets a number of writes through from now on; a negative one never closes.
func (g *gate) open(writes int, kill func()) {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.left, g.closed, g.kill = writes, false, kill
}

func (g *gate) isClosed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.closed
}

// closings counts how often the gate has closed.
func (g *gate) closings() int {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.closes
}

// serve handles a request with the API server, unless the gate is closed.
func (g *gate) serve(apiServer http.Handler, w http.ResponseWriter, r *http.Request) {
	if !isCounted(r) {
		if g.isClosed() {
			http.Error(w, "the gate is closed", http.StatusServiceUnavailable)

			return
		}

		apiServer.ServeHTTP(w, r)

		return
	}

	g.mu.Lock()
	defer g.mu.Unlock()

	if g.closed {
		http.Error(w, "the gate is closed", http.StatusServiceUnavailable)

		return
	}

	answer := httptest.NewRecorder()
	apiServer.ServeHTTP(answer, r)

	if answer.Code < http.StatusBadRequest {
		g.left--
	}

	if g.left == 0 {
		g.closed = true
		g.closes++
		g.kill()

		return
	}

	maps.Copy(w.Header(), answer.Header())

	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w)
}

// isCounted reports whether a request is a write that matters: Events and Leases do
// not, and reviews of tokens and rights are not stored.
func isCounted(r *http.Request) bool {
	return slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, r.Method) && countedPath(r.URL.Path)
}

func countedPath(path string) bool {
	return !strings.Contains(path, "/events") && !strings.Contains(path, "/leases") && !strings.Contains(path, "reviews")
}

// through returns a kubeconfig like the reconciler's, in which every cluster is
// reached through the gate.
func (g *gate) through(t *testing.T, s *stack.Stack) *clientcmdapi.Config {
	t.Helper()

	ca, err := pki.NewAuthority("gate")
	if err != nil {
		t.Fatal(err)
	}

	certPEM, keyPEM, err := ca.Issue(pki.Loopback("gate"))
	if err != nil {
		t.Fatal(err)
	}

	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}

	cfg, err := clientcmd.LoadFromFile(s.ReconcilerKubeconfig())
	if err != nil {
		t.Fatal(err)
	}

	for _, cluster := range cfg.Clusters {
		to, err := url.Parse(cluster.Server)
		if err != nil {
			t.Fatal(err)
		}

		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(cluster.CertificateAuthorityData)

		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.FlushInterval = -1 // Watches are streams.
		proxy.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}

		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(proxy, w, r) }))
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
		srv.StartTLS()

		t.Cleanup(func() {
			srv.CloseClientConnections()
			srv.Close()
		})

		cluster.Server = srv.URL
		cluster.CertificateAuthorityData = ca.CertPEM
	}

	return cfg
}
