package main

import (
	"cmp"
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// giveBack asks for the tear-down of a cluster that nobody will use, if told to. It
// leaves alone what is not this request's: what asks for something else or, where the UID
// is known, has another.
func (c *provisionCmd) giveBack(interrupt context.Context, w *world, t *tenant.Tenant, r *request.Request, uid types.UID) error {
	if !c.DeprovisionOnFailure {
		return nil
	}

	// What has ended the wait must not end this.
	ctx, cancel := w.lastly(interrupt)
	defer cancel()

	name := r.Object.GetName()

	err := w.retry(ctx, func(ctx context.Context) error {
		u, err := t.Get(ctx, name)
		if err != nil || !r.Equals(u) {
			return err
		}

		if _, err = t.TearDown(ctx, name, cmp.Or(uid, u.GetUID())); err == nil {
			w.sayf("the tear-down of %s is asked for", name)
		}

		return err
	})

	missing, gone := (*tenant.NotFoundError)(nil), (*tenant.GoneError)(nil)
	if errors.As(err, &missing) || errors.As(err, &gone) {
		return nil
	}

	return errors.Wrapf(err, "cannot give back %s: do so with %s deprovision %s", name, w.name, name)
}
