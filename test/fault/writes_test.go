//go:build linux && e2e

package fault

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// What a lifetime may cost.
const (
	budgetAppCI = 12
	budgetBuild = 1
)

// A write is one of the reconciler's, and the cluster that it was made on.
type write struct {
	cluster string
	event   auditv1.Event
}

// writes are all that the reconciler has ever written, by cluster, from the audit
// logs.
func (r *rig) writes(t *testing.T) []write {
	t.Helper()

	var out []write

	for name, cp := range map[string]*controlplane.ControlPlane{stack.AppCI: r.stack.AppCI.ControlPlane, stack.Build01: r.stack.Build01.ControlPlane} {
		events, err := cp.Writes()
		if err != nil {
			t.Fatal(err)
		}

		for _, e := range events {
			if e.User.Username == stack.ReconcilerUser && countedPath(e.RequestURI) {
				out = append(out, write{cluster: name, event: e})
			}
		}
	}

	slices.SortFunc(out, func(a, b write) int { return a.event.StageTimestamp.Compare(b.event.StageTimestamp.Time) })

	return out
}

// created lists what writes have made: a signal is a Secret of a build cluster.
func created(writes []write) []string {
	var made []string

	for _, w := range writes {
		switch {
		case w.event.Verb != "create":
		case w.cluster == stack.Build01:
			made = append(made, "signals")
		default:
			made = append(made, w.event.ObjectRef.Resource)
		}
	}

	slices.Sort(made)

	return made
}

// checkUndisturbed makes sure of what was found in a lifetime without a crash: that
// a crash was tried after each of its writes, and how many these are.
func checkUndisturbed(t *testing.T, tried int, writes []write) {
	t.Helper()

	onBuild := 0

	for _, w := range writes {
		if w.cluster == stack.Build01 {
			onBuild++
		}
	}

	t.Logf("%d writes on app.ci, %d on build01:\n%s", len(writes)-onBuild, onBuild, describe(writes))

	if len(writes) != tried {
		t.Errorf("A lifetime without a crash takes %d writes, a crash was tried after %d", len(writes), tried)
	}

	if len(writes)-onBuild > budgetAppCI || onBuild > budgetBuild {
		t.Errorf("A lifetime may take %d writes on app.ci and %d on its build cluster", budgetAppCI, budgetBuild)
	}
}

func describe(writes []write) string {
	b := &strings.Builder{}
	for _, w := range writes {
		_, _ = fmt.Fprintf(b, "  %s %s %s\n", w.cluster, w.event.Verb, w.event.RequestURI)
	}

	return b.String()
}

func eventually(t *testing.T, condition func() bool) bool {
	t.Helper()

	deadline := time.After(patience)

	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()

	for !condition() {
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}

	return true
}
