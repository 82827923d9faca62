package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// The answer to the request that has created a claim may be lost. Nobody waits for that
// cluster, so it is given back.
func TestAnswerLost(t *testing.T) {
	const (
		cannotCreate = "tpc: cannot create the TestPlatformCluster: "
		away         = "Service Unavailable: gave up after 10s"
		deprovision  = "cannot give back demo: do so with tpc deprovision demo: "
	)

	k := startKonflux(t, xrdtest.Claims)
	stream := regexp.MustCompile("stream ID [0-9]+")
	unavailable := kerrors.NewServiceUnavailable("Service Unavailable")

	cases := map[string]struct {
		reason string
		args   []string

		// carriedOut says whether what is lost is the answer or the request.
		carriedOut bool

		// lose is what comes in place of the answer, and refuse in place of answers to
		// what else is asked about claims afterwards, if anything does.
		lose   func(w http.ResponseWriter)
		refuse func(r *http.Request) *kerrors.StatusError

		// giveBack is how long is tried to give back, if not for long. It ends between two
		// attempts.
		giveBack time.Duration

		wantTearDown bool
		wantOut      string
		wantErr      string
	}{
		"GivenBack": {
			reason:     "The API server cannot be reached for long, and then it can.",
			args:       []string{"--wait", "--deprovision-on-failure"},
			carriedOut: true,
			lose:       func(w http.ResponseWriter) { answer(w, unavailable) },
			refuse: func(r *http.Request) *kerrors.StatusError {
				if r.Method == http.MethodPost {
					return unavailable
				}

				return nil
			},
			wantTearDown: true,
			wantOut:      "the tear-down of demo is asked for\n",
			wantErr:      "tpc: trying again: Service Unavailable\n" + cannotCreate + away + "\n",
		},
		"Reset": {
			reason:     "What is before it ends the request, and then it cannot be reached for long.",
			args:       []string{"--wait", "--deprovision-on-failure"},
			carriedOut: true,
			lose:       func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
			refuse: func(r *http.Request) *kerrors.StatusError {
				if r.Method == http.MethodPost {
					return unavailable
				}

				return nil
			},
			wantTearDown: true,
			wantOut:      "the tear-down of demo is asked for\n",
			wantErr: `tpc: trying again: Post "SERVER/apis/ci.openshift.org/v1alpha1/namespaces/NAMESPACE/testplatformclusters?fieldManager=tpc&fieldValidation=Strict": stream error: stream ID N; INTERNAL_ERROR; received from peer` + "\n" +
				"tpc: trying again: Service Unavailable\n" + cannotCreate + away + "\n",
		},
		"Unreachable": {
			reason:     "It cannot be reached in time: somebody else has to see to it.",
			args:       []string{"--wait", "--deprovision-on-failure"},
			carriedOut: true,
			lose:       func(w http.ResponseWriter) { answer(w, unavailable) },
			refuse:     func(*http.Request) *kerrors.StatusError { return unavailable },
			giveBack:   3 * time.Second,
			wantErr: "tpc: trying again: Service Unavailable\n" + cannotCreate + away + "\n" +
				"tpc: TestPlatformCluster demo may exist in namespace NAMESPACE all the same: " + deprovision + "Service Unavailable: gave up after 3s\n",
		},
		"Expired": {
			reason:     "So it is when credentials have expired meanwhile.",
			args:       []string{"--wait", "--deprovision-on-failure"},
			carriedOut: true,
			lose:       func(w http.ResponseWriter) { answer(w, unavailable) },
			refuse:     func(*http.Request) *kerrors.StatusError { return kerrors.NewUnauthorized("Unauthorized") },
			wantErr: "tpc: trying again: Service Unavailable\n" + cannotCreate + "Unauthorized\n" +
				"tpc: TestPlatformCluster demo may exist in namespace NAMESPACE all the same: " + deprovision + "Unauthorized\n",
		},
		"NeverAsked": {
			reason: "It was the request that was lost: there is nothing to give back, and nothing to tell.",
			args:   []string{"--wait", "--deprovision-on-failure"},
			lose:   func(w http.ResponseWriter) { answer(w, unavailable) },
			refuse: func(r *http.Request) *kerrors.StatusError {
				if r.Method == http.MethodPost {
					return unavailable
				}

				return nil
			},
			wantErr: "tpc: trying again: Service Unavailable\n" + cannotCreate + away + "\n",
		},
		"Refused": {
			reason: "An answer is none that is lost.",
			args:   []string{"--wait", "--deprovision-on-failure"},
			lose: func(w http.ResponseWriter) {
				answer(w, kerrors.NewForbidden(tenant.Resource().GroupResource(), "demo", errors.New("no")))
			},
			refuse:  func(*http.Request) *kerrors.StatusError { return unavailable },
			wantErr: cannotCreate + `testplatformclusters.ci.openshift.org "demo" is forbidden: no` + "\n",
		},
		"NotToldTo": {
			reason:     "Who is not told to give back leaves it to the user.",
			args:       []string{"--wait"},
			carriedOut: true,
			lose:       func(w http.ResponseWriter) { answer(w, unavailable) },
			refuse: func(r *http.Request) *kerrors.StatusError {
				if r.Method == http.MethodPost {
					return unavailable
				}

				return nil
			},
			wantErr: "tpc: trying again: Service Unavailable\n" + cannotCreate + away + "\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// They wait for most of their time.
			t.Parallel()

			namespace := strings.ToLower(name)
			k.tenant(t, namespace)

			p := startProxy(t, k)
			lost := atomic.Bool{}

			p.set(func(p *proxy) {
				p.instead = func(w http.ResponseWriter, r *http.Request) bool {
					switch {
					case !strings.HasSuffix(r.URL.Path, "/"+v1alpha1.Plural) && !strings.Contains(r.URL.Path, "/"+v1alpha1.Plural+"/"):
						return false
					case r.Method == http.MethodPost && lost.CompareAndSwap(false, true):
						if tc.carriedOut {
							p.forward.ServeHTTP(httptest.NewRecorder(), r)
						}

						tc.lose(w)

						return true
					case !lost.Load() || tc.refuse == nil || tc.refuse(r) == nil:
						return false
					}

					answer(w, tc.refuse(r))

					return true
				}
			})

			out, errs := &buffer{}, &buffer{}
			file := p.kubeconfig(t, namespace, &clientcmdapi.AuthInfo{})

			limits := patience{ask: 10 * time.Second, giveBack: time.Minute}
			if tc.giveBack > 0 {
				limits.giveBack = tc.giveBack
			}

			if got := run(append([]string{"tpc"}, arguments(append(tc.args, "--kubeconfig="+file)...)...), &world{out: out, err: errs, patience: limits}); got != exitFailed {
				t.Errorf("%s\nexit code: want %d, got %d", tc.reason, exitFailed, got)
			}

			if diff := cmp.Diff(tc.wantOut, out.String()); diff != "" {
				t.Errorf("%s\nstandard output: -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(strings.NewReplacer("NAMESPACE", namespace, "SERVER", p.server.URL).Replace(tc.wantErr), stream.ReplaceAllString(errs.String(), "stream ID N")); diff != "" {
				t.Errorf("%s\nstandard error: -want, +got:\n%s", tc.reason, diff)
			}

			u, err := k.claims.Namespace(namespace).Get(t.Context(), "demo", metav1.GetOptions{})
			if exists := err == nil; exists != tc.carriedOut {
				t.Fatalf("%s\nthe claim exists: want %t, got %v", tc.reason, tc.carriedOut, err)
			}

			if tc.carriedOut {
				got, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster")
				if got != tc.wantTearDown {
					t.Errorf("%s\nthe tear-down is asked for: want %t, got %t", tc.reason, tc.wantTearDown, got)
				}
			}
		})
	}
}

// Who may ask for a cluster, and not follow it, is told which one there is.
func TestNameTold(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	k.tenant(t, "tenant-a")

	p := startProxy(t, k)
	p.set(func(p *proxy) {
		p.instead = func(w http.ResponseWriter, r *http.Request) bool {
			list := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/"+v1alpha1.Plural)
			if list {
				answer(w, kerrors.NewForbidden(tenant.Resource().GroupResource(), "", errors.New("no")))
			}

			return list
		}
	})

	out, errs := &buffer{}, &buffer{}
	file := p.kubeconfig(t, "tenant-a", &clientcmdapi.AuthInfo{})

	args := append([]string{"tpc"}, arguments("--wait", "--output=json", "--kubeconfig="+file)...)
	if got := run(args, &world{out: out, err: errs, patience: usualPatience()}); got != exitFailed {
		t.Errorf("exit code: want %d, got %d\n%s", exitFailed, got, errs)
	}

	got := cluster.State{}
	must(t, json.Unmarshal([]byte(out.String()), &got))

	if diff := cmp.Diff([]string{"demo", "tenant-a"}, []string{got.Name, got.Namespace}); diff != "" {
		t.Errorf("name and namespace: -want, +got:\n%s", diff)
	}
}
