package main

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// proxy stands before an API server, and is worse than that.
type proxy struct {
	server  *httptest.Server
	forward *httputil.ReverseProxy

	mu sync.Mutex
	// token is the one that is accepted. Without one, all are.
	token string
	// tokenOfWatches is the one that is accepted for watches, if it is another.
	tokenOfWatches string
	// watchesLast is how long watches last, if they end early.
	watchesLast time.Duration
	// instead answers what it reports that it has answered.
	instead func(w http.ResponseWriter, r *http.Request) bool
	// forbidden is the beginning of paths that must not be read.
	forbidden string

	watches int
}

func startProxy(t *testing.T, k *konflux) *proxy {
	t.Helper()

	transport, err := rest.TransportFor(k.admin)
	must(t, err)

	target, err := url.Parse(k.admin.Host)
	must(t, err)

	p := &proxy{forward: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization")
		},
		Transport:     transport,
		ErrorLog:      log.New(io.Discard, "", 0),
		FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			if fn, ok := r.Request.Context().Value(answered{}).(func()); ok {
				fn()
			}

			return nil
		},
		// That a client has gone, or was sent away, is what this is for.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}}
	// Credentials are only sent where they are safe.
	p.server = httptest.NewUnstartedServer(p)
	p.server.EnableHTTP2 = true
	p.server.StartTLS()
	t.Cleanup(p.server.Close)

	return p
}

// answered is the key of what is to be done once a request is answered.
type answered struct{}

// ServeHTTP forwards what it does not refuse.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	forbidden := p.forbidden != "" && strings.HasPrefix(r.URL.Path, p.forbidden)
	watch := r.URL.Query().Get("watch") == "true"
	last, instead := p.watchesLast, p.instead

	token := p.token
	if watch {
		token = cmp.Or(p.tokenOfWatches, token)
	}

	authorized := token == "" || r.Header.Get("Authorization") == "Bearer "+token

	if watch {
		p.watches++
	}

	// They end in each of the ways that there are, in turn: cut off, refused or ended.
	cut, expired, closed := p.watches%3 == 0, p.watches%3 == 1, p.watches%3 == 2
	p.mu.Unlock()

	switch {
	case instead != nil && instead(w, r):
	case !authorized:
		answer(w, kerrors.NewUnauthorized("Unauthorized"))
	case forbidden:
		answer(w, kerrors.NewForbidden(schema.GroupResource{}, "", nil))
	case watch && last > 0 && expired:
		w.Header().Set("Content-Type", "application/json")

		e, _ := json.Marshal(status(kerrors.NewResourceExpired("too old resource version"))) //nolint:errchkjson // It cannot fail.
		_, _ = w.Write([]byte(`{"type":"ERROR","object":` + string(e) + "}\n"))
	case watch && last > 0 && closed:
		q := r.URL.Query()
		q.Set("timeoutSeconds", "1")
		r.URL.RawQuery = q.Encode()

		p.forward.ServeHTTP(w, r)
	case watch && last > 0 && cut:
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()

		p.forward.ServeHTTP(w, r.WithContext(context.WithValue(ctx, answered{}, func() { time.AfterFunc(last, cancel) })))
	default:
		p.forward.ServeHTTP(w, r)
	}
}

func answer(w http.ResponseWriter, err *kerrors.StatusError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(err.ErrStatus.Code))
	_ = json.NewEncoder(w).Encode(status(err)) //nolint:errchkjson // It cannot fail.
}

func status(err *kerrors.StatusError) metav1.Status {
	s := err.ErrStatus
	s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}

	return s
}

// set changes how bad it is.
func (p *proxy) set(change func(p *proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()

	change(p)
}

// kubeconfig writes a kubeconfig that leads to the proxy.
func (p *proxy) kubeconfig(t *testing.T, namespace string, user *clientcmdapi.AuthInfo) string {
	t.Helper()

	file := filepath.Join(t.TempDir(), "kubeconfig")
	p.writeKubeconfig(t, file, namespace, user)

	return file
}

func (p *proxy) writeKubeconfig(t *testing.T, file, namespace string, user *clientcmdapi.AuthInfo) {
	t.Helper()

	cfg := clientcmdapi.NewConfig()
	cfg.Clusters["konflux"] = &clientcmdapi.Cluster{Server: p.server.URL}
	if c := p.server.Certificate(); c != nil {
		cfg.Clusters["konflux"].CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}

	cfg.AuthInfos["tenant"] = user
	cfg.Contexts["konflux"] = &clientcmdapi.Context{Cluster: "konflux", AuthInfo: "tenant", Namespace: namespace}
	cfg.CurrentContext = "konflux"

	must(t, clientcmd.WriteToFile(*cfg, file))
}
