package main

import (
	"context"
	"fmt"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// check finds out whether what is asked for can be had, before anything is created.
func (c *provisionCmd) check(ctx context.Context, w *world) (*tenant.Tenant, *request.Request, error) {
	t, connectErr := w.connect()

	namespace := c.namespace(t)
	r, problems := request.New(c.Params, namespace, w.in)
	problems = append(problems, c.checkResults()...)

	if connectErr != nil {
		return nil, nil, firstOf(append(problems, r.Check(nil)...), connectErr)
	}

	s, err := c.schema(ctx, w, t)

	problems = append(problems, r.Check(s)...)
	if len(problems) > 0 || err != nil {
		return nil, nil, firstOf(problems, err)
	}

	if err := c.checkSurroundings(ctx, w, t, r); err != nil {
		return nil, nil, err
	}

	if claimed := r.ClaimTimeout(); c.Wait && claimed > time.Duration(c.Timeout) {
		w.warnf("--cluster-claim: timeout: a cluster is waited for in Hive's pool for up to %s, and here for %s: see --timeout", claimed, time.Duration(c.Timeout))
	}

	if !c.DryRun {
		return t, r, nil
	}

	if _, err := t.Create(ctx, r.Object, true); err != nil {
		return nil, nil, refused(r, t, err)
	}

	w.sayf("the request is valid; nothing was created")

	return nil, nil, w.record(map[string]bool{"valid": true})
}

// checkSurroundings finds out whether there is a place for what is asked for: an owner to
// live as long as, and a Secret to have to itself. That is better told now than when the
// cluster is ready.
func (c *provisionCmd) checkSurroundings(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request) error {
	exists, problems, err := c.checkClaims(ctx, w, t, r)
	if err != nil || len(problems) > 0 {
		return firstOf(problems, err)
	}

	for _, o := range r.Owners() {
		why := ""

		err := w.attempt(ctx, func(ctx context.Context) (err error) {
			why, err = t.OwnerProblem(ctx, o)

			return err
		})
		if err != nil {
			return err
		}

		if why != "" {
			return request.Usage("--owner", why)
		}
	}

	why, allowed := "", true

	err = w.attempt(ctx, func(ctx context.Context) (err error) {
		why, err = t.SecretTaken(ctx, cluster.From(r.Object).Secret, r.Object.GetName())
		allowed = !kerrors.IsForbidden(err)

		return err
	})

	switch {
	case !allowed:
		c.unseen = true

		return nil
	case err != nil:
		return err
	case why != "" && !exists:
		return r.SecretProblem(why + ": choose another")
	}

	return nil
}

// checkClaims finds out whether the claim exists already, and whether another has the Secret.
func (*provisionCmd) checkClaims(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request) (exists bool, problems request.UsageErrors, err error) {
	var claims []unstructured.Unstructured

	allowed := true

	err = w.attempt(ctx, func(ctx context.Context) (err error) {
		claims, err = t.List(ctx, false)
		allowed = !kerrors.IsForbidden(err)

		return err
	})
	if !allowed {
		return false, nil, nil
	}

	secret := cluster.From(r.Object).Secret

	for i := range claims {
		other := cluster.From(&claims[i])

		switch {
		case other.Name == r.Object.GetName():
			exists = true
		case other.Secret == secret && claims[i].GetDeletionTimestamp() == nil:
			problems = append(problems, r.SecretProblem(fmt.Sprintf("Secret %q is that of TestPlatformCluster %s: choose another", secret, other.Name))...)
		}
	}

	if exists {
		// Who has the Secret is settled.
		problems = nil
	}

	return exists, problems, err
}

func (*provisionCmd) namespace(t *tenant.Tenant) string {
	if t == nil {
		return ""
	}

	return t.Namespace
}

// schema returns what the cluster knows of requests. Where that must not be read, the
// API server says the same when it is asked to create, in its own words.
func (*provisionCmd) schema(ctx context.Context, w *world, t *tenant.Tenant) (s *served.Schema, err error) {
	err = w.attempt(ctx, func(context.Context) error {
		s, err = t.Schema()

		return err
	})
	if kerrors.IsForbidden(err) {
		return nil, nil //nolint:nilnil // There is none, and that is no error.
	}

	return s, err
}

// firstOf returns problems, as an error, rather than another error.
func firstOf(problems request.UsageErrors, err error) error {
	if len(problems) > 0 {
		return problems
	}

	return err
}

func refused(r *request.Request, t *tenant.Tenant, err error) error {
	err = t.Explain(err, r.Object.GetName())

	missing := (*tenant.NoNamespaceError)(nil)
	if errors.As(err, &missing) {
		return request.Usage("--namespace", missing.Error())
	}

	return firstOf(r.Refused(err), errors.Wrap(err, "cannot create the TestPlatformCluster"))
}
