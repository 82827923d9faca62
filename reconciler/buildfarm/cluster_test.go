package buildfarm

import (
	"context"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	ktesting "k8s.io/client-go/testing"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	job = "11111111-2222-4333-8444-555555555555"

	// patience for what fakes announce from other goroutines.
	wait = 10 * time.Second
)

func namespace(name, job string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelJobID: job, "other": "x"}},
	}
}

func secret(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ci-op-x", Name: name}, Data: data}
}

// testTime is when everything in these tests happens.
var testTime = time.Unix(1, 0)

func testOptions(announce func(Event)) clusterOptions {
	return clusterOptions{
		clock:     clocktesting.NewFakeClock(testTime),
		callLimit: defaultCallLimit,
		announce:  announce,
		changed:   func(string) {},
	}
}

// newTestCluster starts a Cluster on fakes, and returns what it announces.
func newTestCluster(t *testing.T, core *fake.Clientset, namespaces ...runtime.Object) (*Cluster, <-chan Event) {
	t.Helper()

	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}

	events := make(chan Event, 100)
	announce := func(e Event) { events <- e }

	c, err := newClusterFor("build01", core, metadatafake.NewSimpleMetadataClient(scheme, namespaces...), testOptions(announce))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(c.stop)
	c.run(t.Context())

	// The event without a job says that all there is was seen.
	await(t, events, func(e Event) bool { return e == Event{Cluster: "build01"} })

	return c, events
}

func await(t *testing.T, events <-chan Event, wanted func(Event) bool) {
	t.Helper()

	timeout := time.After(wait)

	for {
		select {
		case got := <-events:
			if wanted(got) {
				return
			}
		case <-timeout:
			t.Fatal("want an event that was not announced")
		}
	}
}

func TestWatches(t *testing.T) {
	core := fake.NewClientset(
		secret(SecretProvisioning, map[string][]byte{"kubeconfig": []byte("k"), "install-config.yaml": []byte("big")}),
		secret(SecretHivePassword, map[string][]byte{"username": []byte("kubeadmin")}),
	)
	c, events := newTestCluster(t, core, namespace("ci-op-x", job), namespace("ci-op-y", "other"))

	got, err := c.Namespaces(job)
	if diff := cmp.Diff([]string{"ci-op-x"}, got); diff != "" || err != nil {
		t.Errorf("Namespaces(...): %v, -want, +got:\n%s", err, diff)
	}

	found, err := c.FindNamespaces(t.Context(), job)
	if diff := cmp.Diff([]string{"ci-op-x"}, found); diff != "" || err != nil {
		t.Errorf("FindNamespaces(...): %v, -want, +got:\n%s", err, diff)
	}

	values := map[string]string{}
	for name := range watchedSecrets() {
		values[name] = string(c.Secret("ci-op-x", name).Reveal())
	}

	want := map[string]string{SecretProvisioning: "k", SecretHiveKubeconfig: "", SecretHivePassword: ""}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("Secret(...): -want, +got:\n%s", diff)
	}

	kept, _, err := c.secrets[SecretProvisioning].GetStore().GetByKey("ci-op-x/" + SecretProvisioning)
	if err != nil {
		t.Fatal(err)
	}

	trimmed := &watchedSecret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ci-op-x", Name: SecretProvisioning},
		credential: NewCredential([]byte("k"), testTime),
	}
	if diff := cmp.Diff(trimmed, kept, cmp.AllowUnexported(watchedSecret{}), compareCredentials, cmpopts.IgnoreFields(metav1.ObjectMeta{}, "ResourceVersion")); diff != "" {
		t.Errorf("Only what is used is kept in memory: -want, +got:\n%s", diff)
	}

	// A Secret that changes is announced with the job of its namespace.
	s := secret(SecretHivePassword, map[string][]byte{"password": []byte("p")})
	if _, err := core.CoreV1().Secrets("ci-op-x").Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}

	await(t, events, func(e Event) bool {
		return e == Event{Cluster: "build01", JobID: job} && string(c.Secret("ci-op-x", SecretHivePassword).Reveal()) == "p"
	})
}

func TestSignal(t *testing.T) {
	refused := func(err error) *fake.Clientset {
		c := fake.NewClientset()
		c.PrependReactor("create", "secrets", func(ktesting.Action) (bool, runtime.Object, error) { return true, nil, err })

		return c
	}
	resource := corev1.Resource("secrets")
	terminating := kerrors.NewForbidden(resource, v1.SecretTestDone, errors.New("namespace is terminating"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}

	cases := map[string]struct {
		reason string
		core   *fake.Clientset
		want   error
	}{
		"Created":     {reason: "The signal is written.", core: fake.NewClientset()},
		"Exists":      {reason: "A signal that is there need not be written.", core: fake.NewClientset(secret(v1.SecretTestDone, nil))},
		"Terminating": {reason: "A namespace that is on its way out needs no signal.", core: refused(terminating)},
		"Forbidden": {
			reason: "The reason is told in words that stay the same.",
			core:   refused(kerrors.NewForbidden(resource, v1.SecretTestDone, errors.New("no"))),
			want:   UnavailableError{Cluster: "build01", Reason: `secrets "test-done-signal" is forbidden: no`},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, _ := newTestCluster(t, tc.core)

			err := c.Signal(t.Context(), "ci-op-x")
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nSignal(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCallLimit makes sure that a cluster that hangs cannot hold up everybody.
func TestCallLimit(t *testing.T) {
	c, _ := newTestCluster(t, fake.NewClientset())
	hang, started := make(chan struct{}), make(chan struct{})

	for range defaultCallLimit {
		go func() {
			_ = c.call(t.Context(), func(context.Context) error {
				started <- struct{}{}
				<-hang

				return nil
			})
		}()
	}

	for range defaultCallLimit {
		<-started
	}

	if err := c.Signal(t.Context(), "ci-op-x"); !errors.Is(err, ErrNotYet) {
		t.Errorf("Signal(...): want %v while %d calls hang, got %v", ErrNotYet, defaultCallLimit, err)
	}

	close(hang)
}

func TestNotSynced(t *testing.T) {
	cases := map[string]struct {
		reason string
		after  time.Duration
		want   error
	}{
		"Starting": {reason: "What was not looked at is not absent.", want: ErrNotYet},
		"Silent":   {reason: "A cluster that does not answer is no better than one that refuses to.", after: patience, want: UnavailableError{Cluster: "build01", Reason: reasonSilent}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakeClock(testTime)
			o := testOptions(func(Event) {})
			o.clock = clk

			c, err := newClusterFor("build01", fake.NewClientset(), metadatafake.NewSimpleMetadataClient(metadatafake.NewTestScheme()), o)
			if err != nil {
				t.Fatal(err)
			}

			clk.Step(tc.after)

			_, err = c.Namespaces(job)
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nNamespaces(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}
