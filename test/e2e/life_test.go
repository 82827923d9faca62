//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

func example(name string) string {
	return filepath.Join(shared.Root(), "examples", name, "claim.yaml")
}

// exampleClaim reads the claim of an example.
func exampleClaim(t *testing.T, name string) *unstructured.Unstructured {
	t.Helper()

	objs, err := stack.ReadObjects(example(name))
	if err != nil {
		t.Fatal(err)
	}

	claim, ok := objs[0].(*unstructured.Unstructured)
	if !ok {
		t.Fatalf("the example is a %T", objs[0])
	}

	return claim
}

// writeClaim writes a claim to a file, and returns its path.
func writeClaim(t *testing.T, claim *unstructured.Unstructured) string {
	t.Helper()

	b, err := yaml.Marshal(claim.Object)
	if err != nil {
		t.Fatal(err)
	}

	path := filepath.Join(t.TempDir(), claim.GetName()+".yaml")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestLife(t *testing.T) {
	t.Parallel()

	cases := map[string]struct {
		reason  string
		example string
	}{
		"Workflow": {
			reason:  "A claim with a cluster profile becomes a working kubeconfig, and tear-down destroys the cluster.",
			example: "workflow",
		},
		"ClusterClaim": {
			reason:  "A claim on one of Hive's pools lives the same life.",
			example: "cluster-claim",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parallel(t, lives)

			l := life.New(shared, "tenant-a", example(tc.example), testWriter{t})

			if err := l.Run(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			if err := holdsNoCanary(t.Context(), shared, l); err != nil {
				t.Errorf("\n%s\n%v", tc.reason, err)
			}

			if err := l.Delete(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			t.Logf("\n%s", l.Table())
		})
	}
}

func TestDeletedInUse(t *testing.T) {
	parallel(t, lives)

	reason := "Deleting the claim, as the end of its PipelineRun does, destroys a cluster in use and leaves nothing."

	l := life.New(shared, "tenant-a", claimWith(t, "in-use", nil), io.Discard)

	if err := l.RunTo(t.Context(), 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deleteLife(t.Context(), t, reason, l)

	if err := l.Refused(t.Context()); err != nil {
		t.Errorf("\n%s\n%v", reason, err)
	}

	pj := &prowv1.ProwJob{}
	if err := shared.AppCI.Get(t.Context(), client.ObjectKeyFromObject(l.ProwJob()), pj); err != nil {
		t.Fatal(err)
	}

	if !pj.Complete() || pj.Status.State != prowv1.SuccessState {
		t.Errorf("\n%s\nwant a ProwJob that was told that the test is done, and succeeded; completed %s as %q: %s",
			reason, pj.Status.CompletionTime, pj.Status.State, pj.Status.Description)
	}

	ns := &corev1.NamespaceList{}
	if err := shared.Build01.List(t.Context(), ns); err != nil {
		t.Fatal(err)
	}

	for _, n := range ns.Items {
		if n.Name == l.CINamespace() && n.DeletionTimestamp == nil {
			t.Errorf("\n%s\nci-operator's namespace %s is still there", reason, n.Name)
		}
	}
}

func TestDenied(t *testing.T) {
	parallel(t, lives)

	reason := "A tenant that the cluster profile does not list is told so on its claim, in the words of app.ci."

	l := life.New(shared, "tenant-x", example("workflow"), io.Discard)

	if err := l.RunTo(t.Context(), 3); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), aWhile)
	defer cancel()

	err := l.AwaitClaim(ctx, func(u *unstructured.Unstructured) bool {
		denied := condition(u, string(apiv1.ConditionProwJobCreating))
		phase := condition(u, v1alpha1.ConditionPhase)

		return denied["reason"] == apiv1.ReasonValidationFailure && phase["message"] == string(apiv1.PhaseFailed)
	})
	if err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	ec := &apiv1.EphemeralCluster{}
	if err := shared.AppCI.Get(ctx, clientKey(l), ec); err != nil {
		t.Fatal(err)
	}

	l.Patience = time.Second

	stuck := l.RunTo(ctx, 4)
	if stuck == nil || !strings.Contains(stuck.Error(), "step 4 did not happen") || !strings.Contains(stuck.Error(), "log of "+stack.ComponentReconciler) {
		t.Errorf("\n%s\nwant an error that names the step and its owner, got %v", reason, stuck)
	}

	want := ec.Status.GetCondition(apiv1.ConditionProwJobCreating).Message
	if got := condition(l.Claim(), string(apiv1.ConditionProwJobCreating))["message"]; got != want || want == "" {
		t.Errorf("\n%s\nmessage on the claim %q, on app.ci %q", reason, got, want)
	}

	if err := l.Delete(t.Context()); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

func condition(u *unstructured.Unstructured, conditionType string) map[string]any {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")

	for _, i := range list {
		if c, ok := i.(map[string]any); ok && c["type"] == conditionType {
			return c
		}
	}

	return nil
}

// endLife takes a life to its end, and away.
func endLife(ctx context.Context, t *testing.T, reason string, l *life.Life) {
	t.Helper()

	if err := l.Run(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deleteLife(ctx, t, reason, l)
}

// deleteLife deletes the claim of a life, and waits until nothing is left of it.
func deleteLife(ctx context.Context, t *testing.T, reason string, l *life.Life) {
	t.Helper()

	if err := l.Delete(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := l.AwaitObjectsGone(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

// testWriter shows a life as it goes on.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))

	return len(p), nil
}

func readFile(t *testing.T, path string) string {
	t.Helper()

	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}
