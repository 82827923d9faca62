package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// What is before an API server may end any request, whether it is carried out or not. It
// is made again.
func TestReset(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	claim := "/" + v1alpha1.Plural

	cases := map[string]struct {
		reason string
		args   []string

		// exists says whether there is a cluster already, which is ready.
		exists bool

		// Of requests of a method whose path has a part, each second one is answered.
		method string
		part   string

		want string
	}{
		"Create": {
			reason: "A request that has been carried out is found to have been.",
			args:   arguments(),
			method: http.MethodPost, part: claim,
			want: "TestPlatformCluster demo exists in namespace create, as it is asked for\nfollow it: tpc status demo --watch\n",
		},
		"ReadSecret": {
			reason: "A cluster that has just become ready is not given back.",
			args:   arguments("--wait", "--deprovision-on-failure", "--output=json"),
			exists: true,
			method: http.MethodGet, part: "/secrets/",
		},
		"TearDown": {
			reason: "A cluster that is to be given back is.",
			args:   []string{"deprovision", "demo"},
			exists: true,
			method: http.MethodPatch, part: claim,
			want: "the tear-down of demo is asked for\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			namespace := strings.ToLower(name)
			k.tenant(t, namespace)

			p := startProxy(t, k)
			file := p.kubeconfig(t, namespace, &clientcmdapi.AuthInfo{})
			tpc := func(args ...string) (out, errs *buffer) {
				out, errs = &buffer{}, &buffer{}
				if got := run(append([]string{"tpc", "--kubeconfig=" + file}, args...), &world{out: out, err: errs, patience: usualPatience()}); got != 0 {
					t.Fatalf("%s\nexit code: want 0, got %d\n%s", tc.reason, got, errs)
				}

				return out, errs
			}

			if tc.exists {
				tpc(arguments()...)
				must(t, k.report(t.Context(), namespace, "demo", life.Ready))
				must(t, k.publish(t.Context(), namespace, "demo"))
			}

			asked := atomic.Int32{}

			p.set(func(p *proxy) {
				p.instead = func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method != tc.method || !strings.Contains(r.URL.Path, tc.part) || asked.Add(1)%2 == 0 {
						return false
					}

					p.forward.ServeHTTP(httptest.NewRecorder(), r)
					panic(http.ErrAbortHandler)
				}
			})

			out, errs := tpc(tc.args...)

			if diff := cmp.Diff(tc.want, out.String()); tc.want != "" && diff != "" {
				t.Errorf("%s\nstandard output: -want, +got:\n%s", tc.reason, diff)
			}

			if n := asked.Load(); n < 2 || n%2 != 0 || !strings.Contains(errs.String(), "trying again: ") {
				t.Errorf("%s\nwant as many requests to be reset as are answered, got %d requests\n%s", tc.reason, n, errs)
			}

			u, err := k.claims.Namespace(namespace).Get(t.Context(), "demo", metav1.GetOptions{})
			must(t, err)

			got, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster")
			if want := tc.method == http.MethodPatch; got != want {
				t.Errorf("%s\nthe tear-down is asked for: want %t, got %t", tc.reason, want, got)
			}
		})
	}
}

// An API server may be away for longer than there is patience with one that nothing was
// asked of yet. Who waits for the tear-down waits for that too.
func TestTearDownAsked(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	k.tenant(t, "tenant-a")

	p := startProxy(t, k)
	file := p.kubeconfig(t, "tenant-a", &clientcmdapi.AuthInfo{})
	errs := &buffer{}
	tpc := func(args ...string) int {
		impatient := patience{ask: 10 * time.Millisecond}

		return run(append([]string{"tpc", "--kubeconfig=" + file}, args...), &world{out: &buffer{}, err: errs, patience: impatient})
	}

	launch(t, file, arguments()...).exits(t, 0)
	must(t, k.report(t.Context(), "tenant-a", "demo", life.Deprovisioned))

	asked := atomic.Int32{}

	p.set(func(p *proxy) {
		p.instead = func(w http.ResponseWriter, r *http.Request) bool {
			away := r.Method == http.MethodPatch && asked.Add(1) < 3
			if away {
				answer(w, kerrors.NewServiceUnavailable("Service Unavailable"))
			}

			return away
		}
	})

	if got := tpc("deprovision", "demo"); got != exitFailed {
		t.Errorf("without --wait: exit code: want %d, got %d\n%s", exitFailed, got, errs)
	}

	asked.Store(0)

	if got := tpc("deprovision", "demo", "--wait"); got != 0 {
		t.Errorf("with --wait: exit code: want 0, got %d\n%s", got, errs)
	}
}
