package main

import (
	"context"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

type statusCmd struct {
	Name string `arg:"" help:"Name of the TestPlatformCluster; without it, those of the namespace are shown." optional:""`

	Watch bool `help:"Go on showing how it gets on, until nothing will happen to it any more." short:"w"`
}

// Help is what `tpc status --help` says beyond its flags.
func (*statusCmd) Help() string {
	return `Phases are Pending, until OpenShift CI has taken up the request, Provisioning, Ready, Deprovisioning and in the end
Deprovisioned or Failed. What a cluster is waiting for is told together with how long such clusters usually take, once
OpenShift CI knows.

To tell that a cluster has failed is not a failure of this command: it exits with 0.

With --watch, --output json prints an object a line, one for each change.`
}

// Run shows the state of a cluster, or of all.
func (c *statusCmd) Run(ctx context.Context, w *world) error {
	t, err := w.connect()
	if err != nil {
		return err
	}

	claims, err := c.claims(ctx, t)
	if err != nil {
		return err
	}

	if c.Watch {
		return c.watch(ctx, w, t, claims)
	}

	for i := range claims {
		s, err := look(ctx, t, &claims[i])
		if err != nil {
			return err
		}

		if i > 0 {
			w.sayf("")
		}

		if err := errors.Join(w.table(details(s, time.Now())), w.record(s)); err != nil {
			return err
		}
	}

	if len(claims) == 0 {
		w.sayf("no TestPlatformClusters in namespace %s", t.Namespace)
	}

	return nil
}

// look returns the state of a claim. What must not be known of its Secret is left out.
func look(ctx context.Context, t *tenant.Tenant, u *unstructured.Unstructured) (cluster.State, error) {
	s, err := usable(ctx, t, cluster.From(u))
	if kerrors.IsForbidden(err) {
		return s, nil
	}

	return s, err
}

func (c *statusCmd) claims(ctx context.Context, t *tenant.Tenant) ([]unstructured.Unstructured, error) {
	if c.Name == "" {
		return t.List(ctx, false)
	}

	u, err := t.Get(ctx, c.Name)
	if err != nil {
		return nil, err
	}

	return []unstructured.Unstructured{*u}, nil
}

func (c *statusCmd) watch(ctx context.Context, w *world, t *tenant.Tenant, claims []unstructured.Unstructured) error {
	if len(claims) != 1 {
		names := make([]string, 0, len(claims))
		for _, u := range claims {
			names = append(names, u.GetName())
		}

		return request.Usage("--watch", "needs the NAME of one of namespace "+t.Namespace+": "+strings.Join(names, ", "))
	}

	show := progress.To(w.out)
	if w.Output == outputJSON {
		show = progress.NewRecords(w.out)
	}

	_, err := w.await(ctx, t, show, cluster.From(&claims[0]), func(ctx context.Context, s cluster.State) (cluster.State, bool, bool, error) {
		ready := s.Ready

		s, err := usable(ctx, t, s)
		if kerrors.IsForbidden(err) {
			err = nil
		}

		return s, s.Over(), ready && !s.Ready, err
	})

	// That is how watching ends.
	gone := (*tenant.GoneError)(nil)
	stopped := ctx.Err() != nil || errors.As(err, &gone)

	if err != nil && !stopped {
		return err
	}

	return nil
}
