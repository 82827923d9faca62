package main

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// ask creates the claim. One that an earlier attempt has left makes way, if nothing can come
// of it any more: Tekton makes attempts of a task under one name. The tear-down of its cluster
// goes on without it.
func (c *provisionCmd) ask(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request) (u *unstructured.Unstructured, created bool, err error) {
	u, created, err = c.create(ctx, w, t, r)
	if err != nil || created || !c.DeprovisionOnFailure || len(r.Object.GetOwnerReferences()) == 0 {
		return u, created, err
	}

	s := cluster.From(u)

	failure := s.ProvisionFailure()
	if failure == nil {
		return u, created, nil
	}

	w.sayf("TestPlatformCluster %s of an earlier attempt makes way: %s", s.Name, failure)

	err = w.retry(ctx, func(ctx context.Context) error { return t.Remove(ctx, s.Name, s.UID, s.Secret) })
	if err != nil {
		return nil, false, errors.Wrapf(err, "cannot ask again, in place of TestPlatformCluster %s of an earlier attempt, which failed: %s", s.Name, failure)
	}

	return c.create(ctx, w, t, r)
}
