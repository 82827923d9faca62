//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestNewField adds a field to the EphemeralCluster's types in a copy of the checkout,
// where it generates what follows from it, and upgrades the clusters to that. The
// function that runs was built without the field.
func TestNewField(t *testing.T) {
	reason := "A field that is added to the EphemeralCluster's types reaches it from a claim, after make generate and nothing else."
	ctx := t.Context()

	upgraded := copyCheckout(t)
	addField(t, upgraded)
	generate(ctx, t, upgraded)

	t.Cleanup(func() {
		if err := upgradeAPI(context.Background(), shared.Root()); err != nil {
			t.Error(err)
		}
	})

	if err := upgradeAPI(ctx, upgraded); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	file, want := claimWithField(t)

	if err := awaitField(ctx, file); err != nil {
		t.Fatalf("\n%s\nthe claim's API: %v", reason, err)
	}

	l := life.New(shared, "tenant-a", file, io.Discard)
	if err := l.RunTo(ctx, 3); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	ec := &unstructured.Unstructured{}
	ec.SetGroupVersionKind(apiv1.GroupVersion.WithKind(apiv1.Kind))

	if err := shared.AppCI.Get(ctx, client.ObjectKeyFromObject(l.EphemeralCluster()), ec); err != nil {
		t.Fatal(err)
	}

	if got, _, _ := unstructured.NestedString(ec.Object, newField()...); got != want {
		t.Errorf("\n%s\nthe EphemeralCluster has %q there, want %q", reason, got, want)
	}

	if err := l.Delete(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	if err := l.AwaitObjectsGone(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

// newField is where the new field is.
func newField() []string { return []string{"spec", "ciOperator", "test", "flavour"} }

// copyCheckout copies the checkout's files, as they are now.
func copyCheckout(t *testing.T) string {
	t.Helper()

	list := exec.CommandContext(t.Context(), "git", "-C", shared.Root(), "ls-files", "--cached", "--others", "--exclude-standard")

	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()

	for f := range strings.Lines(string(files)) {
		f = strings.TrimSpace(f)

		b, err := os.ReadFile(filepath.Join(shared.Root(), f))
		if os.IsNotExist(err) {
			continue // It is deleted, but not committed as such.
		}

		if err := errors.Join(err, os.MkdirAll(filepath.Dir(filepath.Join(dir, f)), 0o755), os.WriteFile(filepath.Join(dir, f), b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}

	return dir
}

func addField(t *testing.T, checkout string) {
	t.Helper()

	const start = "type Test struct {\n"

	path := filepath.Join(checkout, "api", "v1", "ephemeralcluster_types.go")
	before := readFile(t, path)
	after := strings.Replace(before, start, start+"\t// Flavour of the cluster.\n\t// +optional\n\tFlavour string `json:\"flavour,omitempty\"`\n\n", 1)

	if after == before {
		t.Fatalf("%s has no %q", path, start)
	}

	if err := os.WriteFile(path, []byte(after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func generate(ctx context.Context, t *testing.T, checkout string) {
	t.Helper()

	if out, err := exec.CommandContext(ctx, "make", "-C", checkout, "generate").CombinedOutput(); err != nil {
		t.Fatalf("make generate: %v\n%s", err, out)
	}
}

// upgradeAPI applies the API of a checkout. Kubernetes wants app.ci to know a field
// before anything sends it there.
func upgradeAPI(ctx context.Context, checkout string) error {
	if err := shared.AppCI.ApplyFiles(ctx, filepath.Join(checkout, "api", "crd", "*.yaml")); err != nil {
		return err
	}

	return shared.Konflux.ApplyFiles(ctx, filepath.Join(checkout, "xrd", string(shared.API)+".yaml"))
}

// claimWithField returns a file with a claim that has the new field, and its value.
func claimWithField(t *testing.T) (string, string) {
	t.Helper()

	const value = "vanilla"

	claim := exampleClaim(t, "workflow")

	if err := unstructured.SetNestedField(claim.Object, value, newField()...); err != nil {
		t.Fatal(err)
	}

	return writeClaim(t, claim), value
}

// awaitField waits until a claim is accepted with all of its fields: Crossplane has
// to pass the XRD on to the claim's CRD.
func awaitField(ctx context.Context, file string) error {
	const namespace = "tenant-a"

	objs, err := stack.ReadObjects(file)
	if err != nil {
		return err
	}

	if err := shared.Konflux.ApplyAll(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}

	strict := client.WithFieldValidation(shared.Konflux, metav1.FieldValidationStrict)

	var last error

	err = wait.PollUntilContextTimeout(ctx, time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
		claim, ok := objs[0].DeepCopyObject().(client.Object)
		if !ok {
			return false, errors.New("not an object")
		}

		claim.SetNamespace(namespace)
		last = strict.Create(ctx, claim, client.DryRunAll)

		return last == nil, nil
	})

	return errors.Join(err, last)
}
