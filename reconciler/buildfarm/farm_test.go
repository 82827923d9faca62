package buildfarm

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/prow/pkg/kube"
)

type fakeSource struct {
	configs map[string]rest.Config
	err     error
}

func (f *fakeSource) Load() (map[string]rest.Config, error) { return f.configs, f.err }
func (f *fakeSource) Changed() bool                         { return true }

func TestFarm(t *testing.T) {
	infra := rest.Config{Host: "https://127.0.0.1:1"}
	one := rest.Config{Host: "https://127.0.0.1:2"}
	rotated := rest.Config{Host: "https://127.0.0.1:2", BearerToken: "new"}
	before := map[string]rest.Config{kube.InClusterContext: infra, "build01": one}

	type want struct {
		err      error
		same     bool
		infra    int
		affected []Event
	}

	cases := map[string]struct {
		reason string
		alias  string
		after  *fakeSource
		want   want
	}{
		"Unknown": {
			reason: "A cluster that was never in the files is unknown.",
			alias:  "build02",
			want:   want{err: UnknownError{Cluster: "build02"}},
		},
		"Unchanged": {
			reason: "A reload without a change keeps the connection.",
			alias:  "build01",
			after:  &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: infra, "build01": one}},
			want:   want{same: true},
		},
		"Rotated": {
			reason: "New credentials make a new connection.",
			alias:  "build01",
			after:  &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: infra, "build01": rotated}},
			want:   want{affected: []Event{{Cluster: "build01"}}},
		},
		"Removed": {
			reason: "A cluster that was known is not unknown when it is removed: it may come back.",
			alias:  "build01",
			after:  &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: infra}},
			want:   want{err: UnavailableError{Cluster: "build01", Reason: reasonRemoved}, affected: []Event{{Cluster: "build01"}}},
		},
		"Added": {
			reason: "A cluster may be added while running, and who asked for it before hears of it.",
			alias:  "build02",
			after:  &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: infra, "build01": one, "build02": one}},
			want:   want{affected: []Event{{Cluster: "build02"}}},
		},
		"Broken": {
			reason: "Files that cannot be read change nothing.",
			alias:  "build01",
			after:  &fakeSource{err: errors.New("half-written")},
			want:   want{same: true},
		},
		"InfrastructureChanged": {
			reason: "The infrastructure cluster's client cannot be replaced.",
			alias:  "build01",
			after:  &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: rotated, "build01": one}},
			want:   want{same: true, infra: 1},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := want{}

			f, err := New(&fakeSource{configs: before}, WithInfrastructureChanged(func() { got.infra++ }))
			if err != nil {
				t.Fatal(err)
			}
			defer f.stop()

			first, _ := f.Cluster(tc.alias)

			if tc.after != nil {
				f.source = tc.after
				done := make(chan struct{})

				go func() {
					defer close(done)
					f.reload()
				}()

				for reloading := true; reloading; {
					select {
					case e := <-f.Events():
						got.affected = append(got.affected, e.Object)
					case <-done:
						reloading = false
					}
				}
			}

			second, err := f.Cluster(tc.alias)
			got.err = err
			got.same = first != nil && first == second

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{}), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nCluster(%q): -want, +got:\n%s", tc.reason, tc.alias, diff)
			}
		})
	}
}

const kubeconfig = `
apiVersion: v1
kind: Config
current-context: app.ci
clusters:
- {name: a, cluster: {server: https://app.example.com}}
- {name: b, cluster: {server: https://build01.example.com}}
users:
- {name: u, user: {token: t}}
contexts:
- {name: app.ci, context: {cluster: a, user: u}}
- {name: build01, context: {cluster: b, user: u}}
`

// fakeMetrics keeps what is available.
type fakeMetrics struct {
	mu        sync.Mutex
	available map[string]bool
	reloaded  []string
}

func (f *fakeMetrics) BuildClusterAvailable(cluster string, available bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.available[cluster] = available
}

func (f *fakeMetrics) BuildClusterUnused(cluster string) {
	f.mu.Lock()
	defer f.mu.Unlock()

	delete(f.available, cluster)
}

func (f *fakeMetrics) KubeconfigReloaded(err error) {
	outcome := ""
	if err != nil {
		outcome = err.Error()
	}

	f.reloaded = append(f.reloaded, outcome)
}

// TestStandby makes sure that a replica that does not lead goes on reading files,
// though nobody hears its events.
func TestStandby(t *testing.T) {
	m := &fakeMetrics{available: map[string]bool{}}
	one := rest.Config{Host: "https://127.0.0.1:2"}
	src := &fakeSource{configs: map[string]rest.Config{"build01": one}}

	f, err := New(src, WithMetrics(m))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	for range 3 {
		src.configs = map[string]rest.Config{}
		f.reload()

		src.configs = map[string]rest.Config{"build01": one}
		f.reload()
	}

	if diff := cmp.Diff(map[string]bool{}, m.available); diff != "" {
		t.Errorf("A cluster that nobody uses has no health: -want, +got:\n%s", diff)
	}

	if _, err := f.Cluster("build01"); err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(map[string]bool{"build01": false}, m.available); diff != "" {
		t.Errorf("A cluster is available once it has answered: -want, +got:\n%s", diff)
	}
}

// TestRemoved makes sure that a context that is gone is missed for a while only, and
// however often the files are read again meanwhile.
func TestRemoved(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	src := &fakeSource{configs: map[string]rest.Config{"build01": {Host: "https://127.0.0.1:2"}}}

	f, err := New(src, WithClock(clk))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	src.configs = map[string]rest.Config{}

	got := []error{}
	look := func() {
		f.reload()

		_, err := f.Cluster("build01")
		got = append(got, err)
	}

	// Nobody has asked for it before it is gone, so nobody is to be told.
	f.reload()
	clk.Step(RemovedFor / 2)

	f.asked = map[string]bool{}
	look()
	clk.Step(RemovedFor / 2)

	f.asked = map[string]bool{}
	look()

	missed := UnavailableError{Cluster: "build01", Reason: reasonRemoved}
	if diff := cmp.Diff([]error{missed, UnknownError{Cluster: "build01"}}, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("Cluster(...): -want, +got:\n%s", diff)
	}
}

// TestAvailability makes sure that what is said of a cluster is so, and is not said for
// longer than anybody looks at it.
func TestAvailability(t *testing.T) {
	good := map[string]rest.Config{"build01": {Host: "https://127.0.0.1:2"}}
	better := map[string]rest.Config{"build01": {Host: "https://127.0.0.1:3"}}
	unusable := map[string]rest.Config{"build01": {Host: "https://127.0.0.1:2", TLSClientConfig: rest.TLSClientConfig{CAData: []byte("no certificate")}}}
	none := map[string]rest.Config{}

	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	m := &fakeMetrics{available: map[string]bool{}}
	src := &fakeSource{configs: good}

	f, err := New(src, WithClock(clk), WithMetrics(m))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	go func() {
		for f.ctx.Err() == nil {
			select {
			case <-f.Events():
			case <-f.ctx.Done():
			}
		}
	}()

	ask := func() { _, _ = f.Cluster("build01") }

	steps := []struct {
		reason string
		do     func()
		want   map[string]bool
	}{
		{reason: "It has not answered yet.", do: ask, want: map[string]bool{"build01": false}},
		{reason: "It answers.", do: func() { f.report(f.clusters["build01"], "") }, want: map[string]bool{"build01": true}},
		{reason: "Nobody looks at it by the new configuration yet.", do: func() { src.configs = better; f.reload() }, want: map[string]bool{}},
		{reason: "Somebody does, and it has not answered.", do: ask, want: map[string]bool{"build01": false}},
		{reason: "It answers again.", do: func() { f.report(f.clusters["build01"], "") }, want: map[string]bool{"build01": true}},
		{reason: "A configuration that cannot be used reaches nothing.", do: func() { src.configs = unusable; f.reload(); ask() }, want: map[string]bool{"build01": false}},
		{reason: "It is repaired, and nobody looks.", do: func() { src.configs = good; f.reload() }, want: map[string]bool{}},
		{reason: "It is gone, it may be by mistake.", do: func() { ask(); src.configs = none; f.reload() }, want: map[string]bool{"build01": false}},
		{reason: "It is missed for a while.", do: func() { clk.Step(RemovedFor / 2); f.forget() }, want: map[string]bool{"build01": false}},
		{reason: "It is gone for good.", do: func() { clk.Step(RemovedFor / 2); f.forget() }, want: map[string]bool{}},
	}

	for _, s := range steps {
		s.do()

		if diff := cmp.Diff(s.want, m.available); diff != "" {
			t.Errorf("%s\navailable: -want, +got:\n%s", s.reason, diff)
		}
	}
}

// TestReloadFails makes sure that a failure is told once, and tried again.
func TestReloadFails(t *testing.T) {
	m := &fakeMetrics{available: map[string]bool{}}
	src := &fakeSource{configs: map[string]rest.Config{}}

	f, err := New(src, WithMetrics(m))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	for _, err := range []error{errors.New("half-written"), errors.New("half-written"), errors.New("not there"), nil, errors.New("not there")} {
		src.err = err
		f.reload()
	}

	want := []string{"half-written", "not there", "", "not there"}
	if diff := cmp.Diff(want, m.reloaded); diff != "" {
		t.Errorf("reloads that were told of: -want, +got:\n%s", diff)
	}
}

// TestTokenFile makes sure that a token that is renewed in its file, as the kubelet renews
// a Pod's, is no change of configuration.
func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	first := tokenByFile(rest.Config{Host: "https://127.0.0.1:1", BearerTokenFile: path, BearerToken: "first"})
	second := tokenByFile(rest.Config{Host: "https://127.0.0.1:1", BearerTokenFile: path, BearerToken: "second"})

	infrastructure := 0
	src := &fakeSource{configs: map[string]rest.Config{kube.InClusterContext: first}}

	f, err := New(src, WithInfrastructureChanged(func() { infrastructure++ }))
	if err != nil {
		t.Fatal(err)
	}
	defer f.stop()

	src.configs = map[string]rest.Config{kube.InClusterContext: second}
	f.reload()

	if infrastructure != 0 {
		t.Error("a token that was renewed in its file counts as another way to reach the infrastructure cluster")
	}

	if err := os.WriteFile(path, []byte("third"), 0o600); err != nil {
		t.Fatal(err)
	}

	rt, err := rest.HTTPWrappersForConfig(&second, roundTripper(func(r *http.Request) string { return r.Header.Get("Authorization") }))
	if err != nil {
		t.Fatal(err)
	}

	rsp, err := rt.RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:1", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close() //nolint:errcheck // There is none.

	if diff := cmp.Diff("Bearer third", rsp.Status); diff != "" {
		t.Errorf("the client reads the token from its file: -want, +got:\n%s", diff)
	}
}

// roundTripper answers with a status that is made of the request.
type roundTripper func(*http.Request) string

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{Status: f(r), Body: http.NoBody}, nil
}

func TestKubeconfigs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	put := func(content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(kubeconfig)

	k := &Kubeconfigs{File: path}

	configs, err := k.Load()
	if err != nil {
		t.Fatalf("Load(): %v", err)
	}

	hosts := map[string]string{}
	for alias, c := range configs {
		hosts[alias] = c.Host
	}

	want := map[string]string{
		kube.InClusterContext:    "https://app.example.com",
		kube.DefaultClusterAlias: "https://app.example.com",
		"app.ci":                 "https://app.example.com",
		"build01":                "https://build01.example.com",
	}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Errorf("Load(): -want, +got:\n%s", diff)
	}

	if k.Changed() {
		t.Error("Changed(): want false for the files that were loaded")
	}

	put("half-written")

	if _, err := k.Load(); err == nil || !k.Changed() {
		t.Errorf("Changed(): want true after loading has failed, which it did with: %v", err)
	}

	put(strings.ReplaceAll(kubeconfig, "token: t", "token: rotated"))

	if !k.Changed() {
		t.Error("Changed(): want true after a change")
	}

	if _, err := k.Load(); err != nil || k.Changed() {
		t.Errorf("Changed(): want false after loading the change, error %v", err)
	}
}
