package main

import (
	"cmp"
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
)

type listCmd struct {
	AllNamespaces bool `help:"List those of all namespaces." short:"A"`
}

// Run lists clusters.
func (c *listCmd) Run(ctx context.Context, w *world) error {
	t, err := w.connect()
	if err != nil {
		return err
	}

	claims, err := t.List(ctx, c.AllNamespaces)
	if err != nil {
		return err
	}

	rows := [][]string{{"NAMESPACE", "NAME", "PHASE", "WORKFLOW", "PROFILE", "AGE", "WAITING FOR"}}
	states := make([]cluster.State, 0, len(claims))

	for i := range claims {
		s := cluster.From(&claims[i])
		states = append(states, s)
		rows = append(rows, []string{
			s.Namespace, s.Name, s.Phase, flat(cmp.Or(s.Workflow, "-")), flat(cmp.Or(s.ClusterProfile, "-")),
			progress.Duration(time.Since(s.Created)), flat(cmp.Or(failureText(s.Failure), s.WaitingFor, "-")),
		})
	}

	if len(claims) == 0 {
		w.sayf("no TestPlatformClusters")

		return w.record(map[string]any{"items": states})
	}

	return errors.Join(w.table(rows), w.record(map[string]any{"items": states}))
}
