package ephemeralcluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
)

// newReady returns a harness whose cluster is about to become ready.
func newReady(t *testing.T, o ...Option) *harness {
	t.Helper()

	h := newHarness(t, []client.Object{newCluster(finalizer, status(running(noNS))), newJob(state(prowv1.PendingState))}, o...)
	withKubeconfig(h)

	return h
}

func (h *harness) credentials() map[string][]byte {
	h.t.Helper()

	s := &corev1.Secret{}
	if err := h.Client.Get(h.t.Context(), types.NamespacedName{Namespace: testKey.Namespace, Name: testName + "-credentials"}, s); err != nil {
		h.t.Fatal(err)
	}

	return s.Data
}

func TestRefresh(t *testing.T) {
	h := newReady(t)
	h.pass()

	h.farm["build01"].secrets["ci-op-x/cluster-provisioning"] = []byte("rotated")
	h.pass()

	want := map[string][]byte{"kubeconfig": []byte("rotated"), "kubeAdminPassword": {}}
	if diff := cmp.Diff(want, h.credentials()); diff != "" {
		t.Errorf("credentials that change at the source are published again: -want, +got:\n%s", diff)
	}

	before := len(h.writes)
	h.pass()

	if diff := cmp.Diff([]string{}, h.writes[before:]); diff != "" {
		t.Errorf("credentials that have not changed are not written again: -want, +got:\n%s", diff)
	}

	// What is gone at the source, on its way to destruction, stays published.
	h.farm["build01"].secrets = nil
	h.pass()

	if diff := cmp.Diff(want, h.credentials()); diff != "" {
		t.Errorf("published credentials stay: -want, +got:\n%s", diff)
	}

	if p := h.get().Status.Phase; p != v1.PhaseReady {
		t.Errorf("want phase %s, got %s", v1.PhaseReady, p)
	}
}

// TestForeignSecretLater has somebody put a Secret of their own in the place of a cluster's
// credentials, and take it away again: the cluster became ready once.
func TestForeignSecretLater(t *testing.T) {
	h := newReady(t)
	h.pass()

	published := &corev1.Secret{}
	if err := h.Client.Get(t.Context(), types.NamespacedName{Namespace: testKey.Namespace, Name: testName + "-credentials"}, published); err != nil {
		t.Fatal(err)
	}

	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testKey.Namespace, Name: testName + "-credentials"}}

	for _, change := range []func() error{
		func() error { return h.Client.Delete(t.Context(), published) },
		func() error { return h.Client.Create(t.Context(), foreign) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}

	h.pass()

	if got := h.get().Status; got.SecretRef != "" || got.Phase != v1.PhaseProvisioning {
		t.Fatalf("want the credentials of somebody else not pointed to, got %+v", got)
	}

	if err := h.Client.Delete(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}

	h.pass()

	if p := h.get().Status.Phase; p != v1.PhaseReady {
		t.Errorf("want phase %s, got %s", v1.PhaseReady, p)
	}

	if diff := cmp.Diff([]string{"provisioned ipi-aws 1m0s"}, h.recorder.durations); diff != "" {
		t.Errorf("durations: -want, +got:\n%s", diff)
	}
}

func TestKubeconfigInStatus(t *testing.T) {
	cases := map[string]struct {
		reason  string
		enabled bool
		want    string
	}{
		"Enabled":  {reason: "The earlier form, for who asks for it.", enabled: true, want: canary},
		"Disabled": {reason: "Whoever may read the status is not given credentials by default.", want: ""},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := newReady(t, WithKubeconfigInStatus(tc.enabled))
			h.pass()

			if diff := cmp.Diff(tc.want, h.get().Status.Kubeconfig); diff != "" {
				t.Errorf("%s\nkubeconfig: -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff("ec-1-credentials", h.get().Status.SecretRef); diff != "" {
				t.Errorf("%s\nsecretRef: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestConflict(t *testing.T) {
	h := newReady(t)
	h.fail = func(verb string, _ client.Object) error {
		if verb == "patch status" {
			return kerrors.NewConflict(v1.GroupVersion.WithResource("ephemeralclusters").GroupResource(), testName, errBoom)
		}

		return nil
	}

	res, err := h.try()
	if err != nil || res.RequeueAfter != soon {
		t.Errorf("a cache that is behind is no error: want another pass after %s, got %s and error %v", soon, res.RequeueAfter, err)
	}

	if len(h.recorder.events)+len(h.recorder.durations) > 0 {
		t.Errorf("what was not written is not told: got %v and %v", h.recorder.events, h.recorder.durations)
	}
}

// TestHidden prints what a pass knows, credentials included.
func TestHidden(t *testing.T) {
	s := newScope(newCluster(), testTime)
	s.credentials = credentials{kubeconfig: buildfarm.NewCredential([]byte(canary), testTime), password: buildfarm.NewCredential([]byte(canary), testTime)}

	for _, verb := range []string{"%v", "%+v", "%#v"} {
		printed := fmt.Sprintf(verb, s) + fmt.Sprintf(verb, *s) + fmt.Sprintf(verb, s.credentials)
		for _, text := range []string{canary, strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"), fmt.Sprintf("%x", canary)} {
			if strings.Contains(printed, text) {
				t.Errorf("%s: want no credentials, got %s", verb, printed)
			}
		}
	}
}
