//go:build linux && e2e

package e2e

import (
	"context"
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

const (
	// nextCondition is reported by the reconciler of the next version.
	nextCondition = "Surveyed"

	// nextFlavour is the value of the field that the next version has.
	nextFlavour = "vanilla"
)

// nextField is where that field is.
func nextField() []string { return []string{"spec", "ciOperator", "test", "flavour"} }

// nextCheckout makes what a next version might be out of a copy of this checkout: the
// EphemeralCluster has a field more, with all that is generated of that, and its
// reconciler reports a condition more.
func nextCheckout(t *testing.T) string {
	t.Helper()

	dir := copyCheckout(t)
	status := filepath.Join(dir, "reconciler", "ephemeralcluster", "status.go")

	edit(t, filepath.Join(dir, "api", "v1", "ephemeralcluster_types.go"), "type Test struct {\n",
		"\t// Flavour of the cluster.\n\t// +optional\n\tFlavour string `json:\"flavour,omitempty\"`\n\n")
	edit(t, status, "return []v1.ConditionType{\n", "\t\t\""+nextCondition+"\",\n")
	edit(t, status, "func (s *scope) conclude() {\n", "\ts.set(\""+nextCondition+"\", metav1.ConditionTrue, \"Next\", \"\")\n\n")
	generate(t, dir)

	return dir
}

// copyCheckout copies the checkout's files, as they are now, to where they are there for
// as long as the stack is.
func copyCheckout(t *testing.T) string {
	t.Helper()

	list := exec.CommandContext(t.Context(), "git", "-C", shared.Root(), "ls-files", "--cached", "--others", "--exclude-standard")

	files, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}

	dir, err := os.MkdirTemp(shared.Path(), "checkout-") //nolint:usetesting // The stack goes on using it.
	if err != nil {
		t.Fatal(err)
	}

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

// edit adds text to a file, after some other text.
func edit(t *testing.T, path, after, text string) {
	t.Helper()

	before := readFile(t, path)
	edited := strings.Replace(before, after, after+text, 1)

	if edited == before {
		t.Fatalf("%s has no %q", path, after)
	}

	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
}

func generate(t *testing.T, checkout string) {
	t.Helper()

	if out, err := exec.CommandContext(t.Context(), "make", "-C", checkout, "generate").CombinedOutput(); err != nil {
		t.Fatalf("make generate: %v\n%s", err, out)
	}
}

// upgradeAppCI applies the EphemeralCluster's API of a checkout.
func upgradeAppCI(ctx context.Context, checkout string) error {
	return shared.AppCI.ApplyFiles(ctx, filepath.Join(checkout, "api", "crd", "*.yaml"))
}

// upgradeKonflux applies the claim's API of a checkout.
func upgradeKonflux(ctx context.Context, checkout string) error {
	return shared.Konflux.ApplyFiles(ctx, filepath.Join(checkout, "xrd", string(shared.API)+".yaml"))
}

// setField makes a claim ask for what the next version knows.
func setField(t *testing.T, claim *unstructured.Unstructured) {
	t.Helper()

	if err := unstructured.SetNestedField(claim.Object, nextFlavour, nextField()...); err != nil {
		t.Fatal(err)
	}
}

// awaitField waits until the new field of a claim is known to the claim's API, or
// unknown: Crossplane has to pass the XRD on to the claim's CRD.
func awaitField(ctx context.Context, s *stack.Stack, claim *unstructured.Unstructured, known bool) error {
	const namespace = "tenant-a"

	if err := s.Konflux.ApplyAll(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}

	strict := client.WithFieldValidation(s.Konflux, metav1.FieldValidationStrict)

	var last error

	err := wait.PollUntilContextTimeout(ctx, time.Second, time.Minute, true, func(ctx context.Context) (bool, error) {
		probe := claim.DeepCopy()
		probe.SetNamespace(namespace)
		probe.SetName(claim.GetName() + "-probe")

		last = strict.Create(ctx, probe, client.DryRunAll)
		unknown := last != nil && strings.Contains(last.Error(), "unknown field")

		return known && last == nil || !known && unknown, nil
	})

	return errors.Wrapf(err, "the new field should be known: %t, and the API server says: %v", known, last)
}

// hasField makes sure that the field of a claim is in its EphemeralCluster.
func hasField(ctx context.Context, t *testing.T, reason string, s *stack.Stack, l *life.Life) {
	t.Helper()

	ec := &unstructured.Unstructured{}
	ec.SetGroupVersionKind(apiv1.GroupVersion.WithKind(apiv1.Kind))

	if err := s.AppCI.Get(ctx, clientKey(l), ec); err != nil {
		t.Fatal(err)
	}

	if got, _, _ := unstructured.NestedString(ec.Object, nextField()...); got != nextFlavour {
		t.Errorf("\n%s\nthe EphemeralCluster has %q there, want %q", reason, got, nextFlavour)
	}
}
