package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
)

func TestFromFields(t *testing.T) {
	created, since := times()

	u := claimAt(t, life.Installing, false)
	if err := unstructured.SetNestedField(u.Object, life.ProwJobID, "status", "prowJobId"); err != nil {
		t.Fatal(err)
	}

	want := State{
		Name: "demo", Namespace: "tenant-a", UID: "uid", Created: created, Since: since,
		Phase: "Provisioning", WaitingFor: "the cluster to be installed: " + life.Usual,
		ProwJobURL: life.ProwJobURL, ProwJobID: life.ProwJobID, Secret: "demo-secret",
		Workflow: "ipi-aws", ClusterProfile: "aws",
	}
	if diff := cmp.Diff(want, From(u), cmpopts.IgnoreUnexported(State{})); diff != "" {
		t.Errorf("From(...): -want, +got:\n%s", diff)
	}
}

// An EphemeralCluster's reason and message may hold what other tenants have written.
func TestFromControlCharacters(t *testing.T) {
	u := claimAt(t, life.Failed, false)

	conditions, _, err := unstructured.NestedSlice(u.Object, "status", "conditions")
	if err != nil {
		t.Fatal(err)
	}

	for i := range conditions {
		c, ok := conditions[i].(map[string]any)
		if ok && c["type"] == string(v1.ConditionClusterReady) {
			c["message"] = "prowjob state: failure: \x1b]0;title\a\x1b[2Jline 1\nline 2"
		}
	}

	if err := unstructured.SetNestedSlice(u.Object, conditions, "status", "conditions"); err != nil {
		t.Fatal(err)
	}

	want := &Failure{Condition: "ClusterReady", Reason: "ProwJobFailure", Message: "prowjob state: failure: ]0;title[2Jline 1\nline 2"}
	if diff := cmp.Diff(want, From(u).Failure); diff != "" {
		t.Errorf("From(...): -want, +got:\n%s", diff)
	}
}

// A claim holds what its tenant has written, whoever lists it.
func TestFromControlCharactersOfSpec(t *testing.T) {
	u := claimAt(t, life.Installing, false)
	evil := "\x1b[2J\u009b2Jaws"

	for _, path := range [][]string{
		{"spec", "ciOperator", "test", "workflow"},
		{"spec", "ciOperator", "test", "clusterProfile"},
		{"spec", "writeConnectionSecretToRef", "name"},
		{"status", "prowJobId"},
	} {
		if err := unstructured.SetNestedField(u.Object, evil, path...); err != nil {
			t.Fatal(err)
		}
	}

	const harmless = "[2J2Jaws"

	got := From(u)
	want := got
	want.Workflow, want.ClusterProfile, want.Secret, want.ProwJobID = harmless, harmless, harmless, harmless

	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(State{})); diff != "" {
		t.Errorf("From(...): -want, +got:\n%s", diff)
	}
}

// Nothing that a claim may hold must keep the rest from being read.
func TestFromUnexpected(t *testing.T) {
	cases := map[string]struct {
		reason string
		object map[string]any
	}{
		"Empty":      {reason: "There may be nothing.", object: map[string]any{}},
		"Conditions": {reason: "Conditions may be something else.", object: map[string]any{"status": map[string]any{"conditions": "no"}}},
		"Spec":       {reason: "So may the spec.", object: map[string]any{"spec": []any{}}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := From(&unstructured.Unstructured{Object: tc.object})
			if got.Phase != PhasePending || got.WaitingFor == "" || got.Ready || got.Failure != nil {
				t.Errorf("%s\nFrom(...): want a claim that waits, got: %+v", tc.reason, got)
			}
		})
	}
}

func TestFailureOfUnknownCause(t *testing.T) {
	u := claimAt(t, life.Refused, false)
	c := metav1.Condition{Type: "_EphemeralClusterPhase", Status: "True", Reason: "Reported", Message: "Failed"}

	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&c)
	if err != nil {
		t.Fatal(err)
	}

	if err := unstructured.SetNestedSlice(u.Object, []any{m}, "status", "conditions"); err != nil {
		t.Fatal(err)
	}

	want := "Failed: app.ci does not say why"
	if got := From(u).Failure.String(); got != want {
		t.Errorf("Failure: want %q, got %q", want, got)
	}
}

func TestFromSecret(t *testing.T) {
	cases := map[string]struct {
		reason string
		spec   map[string]any
		status map[string]any
		want   string
	}{
		"Claim": {
			reason: "A claim's Secret is where the claim says.",
			spec:   map[string]any{"writeConnectionSecretToRef": map[string]any{"name": "asked"}},
			status: map[string]any{"secretRef": "on-app-ci"},
			want:   "asked",
		},
		"Composite": {
			reason: "A composite's is where it was written first, whatever it asks for later.",
			spec:   map[string]any{"crossplane": map[string]any{}, "writeConnectionSecretToRef": map[string]any{"name": "asked"}},
			status: map[string]any{"secretRef": "written"},
			want:   "written",
		},
		"NewComposite": {
			reason: "Before that, it is where it asks for it.",
			spec:   map[string]any{"crossplane": map[string]any{}, "writeConnectionSecretToRef": map[string]any{"name": "asked"}},
			want:   "asked",
		},
		"Unsaid": {
			reason: "Who does not say is told.",
			status: map[string]any{"secretRef": "chosen"},
			want:   "chosen",
		},
		"None": {reason: "There may be none."},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := From(&unstructured.Unstructured{Object: map[string]any{"spec": tc.spec, "status": tc.status}}).Secret
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nFrom(...): -want Secret, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
