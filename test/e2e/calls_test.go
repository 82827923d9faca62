//go:build linux && e2e

package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestCalls counts, in the logs of both, Crossplane's passes over a composite whose
// cluster is in use, and its calls of the function.
func TestCalls(t *testing.T) {
	alone(t)

	reason := "In its steady state a composite costs one call per pass."
	ctx := t.Context()

	l := life.New(shared, "tenant-a", example("workflow"), testWriter{t})
	if err := l.RunTo(ctx, 11); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	name := l.EphemeralCluster().Name
	calls := func() int { return lines(t, stack.ComponentFunction, "running function") }
	passes := func() int {
		return lines(t, stack.ComponentCrossplane, "Reconciling", `"composite/`+v1alpha1.CompositePlural, `{"name":"`+name+`"}`)
	}

	// Passes and calls are counted one after the other, so nothing is to happen in between.
	callsBefore, passesBefore, since := 0, 0, time.Now()

	if !eventually(time.Minute, func() bool {
		if c, p := calls(), passes(); c != callsBefore || p != passesBefore {
			callsBefore, passesBefore, since = c, p, time.Now()
		}

		return time.Since(since) > 2*time.Second
	}) {
		t.Fatalf("\n%s\nthere is no steady state", reason)
	}

	const wanted = 5

	for i := range wanted {
		xr := &unstructured.Unstructured{}
		xr.SetAPIVersion(v1alpha1.Group + "/" + v1alpha1.Version)
		xr.SetKind(v1alpha1.CompositeKind)
		xr.SetName(name)

		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"annotations": {"pass": "`+strconv.Itoa(i)+`"}}}`))
		if err := shared.Konflux.Patch(ctx, xr, patch); err != nil {
			t.Fatal(err)
		}

		if !eventually(30*time.Second, func() bool { return passes() > passesBefore+i && calls() > callsBefore+i }) {
			t.Fatalf("\n%s\nCrossplane did not call the function after change %d", reason, i)
		}
	}

	// A pass is logged before its call.
	if !eventually(10*time.Second, func() bool { return passes()-passesBefore == calls()-callsBefore }) {
		t.Errorf("\n%s\n%d passes, %d calls", reason, passes()-passesBefore, calls()-callsBefore)
	}

	if err := l.Delete(ctx); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}
}

// lines counts the lines of a component's log that hold all of some texts.
func lines(t *testing.T, component string, texts ...string) int {
	t.Helper()

	n := 0

line:
	for l := range strings.Lines(readFile(t, filepath.Join(shared.Logs(), component+".log"))) {
		for _, text := range texts {
			if !strings.Contains(l, text) {
				continue line
			}
		}

		n++
	}

	return n
}

// eventually reports whether a condition came true in time.
func eventually(within time.Duration, condition func() bool) bool {
	deadline := time.After(within)

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for {
		if condition() {
			return true
		}

		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
}
