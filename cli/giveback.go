package main

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// giveBack asks for the tear-down of a cluster that nobody will use, if told to. It is the
// one of a UID, whatever has been made of it since. Where that is not known, it leaves alone
// what asks for something else.
func (c *provisionCmd) giveBack(interrupt context.Context, w *world, t *tenant.Tenant, r *request.Request, uid types.UID) error {
	if !c.DeprovisionOnFailure {
		return nil
	}

	// What has ended the wait must not end this.
	ctx, cancel := w.lastly(interrupt)
	defer cancel()

	name := r.Object.GetName()

	err := w.retry(ctx, func(ctx context.Context) error {
		its := uid

		if its == "" {
			u, same, err := t.Same(ctx, r.Wanted())
			if err != nil || !same {
				return err
			}

			its = u.GetUID()
		}

		_, err := t.TearDown(ctx, name, its)
		if err == nil {
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
