package main

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

type provisionCmd struct {
	request.Params `group:"Request"`

	Wait                 bool    `help:"Wait until the cluster is ready and its kubeconfig is in the Secret."`
	Timeout              timeout `default:"2h"                                                                                                                                       help:"How long to wait."`
	DeprovisionOnFailure bool    `help:"With --wait, give the cluster back when it does not become ready in time, fails, the wait is interrupted, or the results cannot be written."`
	ResultsDir           string  `help:"Directory to write the files secretRef, testPlatformClusterClaimName and testPlatformClusterClaimNamespace to, when all went well."          placeholder:"DIR"`
	DryRun               bool    `help:"Only check the request, on the cluster too; ask for nothing."`
}

// Help is what `tpc provision --help` says beyond its flags.
func (*provisionCmd) Help() string {
	return `A cluster is either installed, with a workflow and a cluster profile and the releases to install from, or
claimed from a Hive pool, with a workflow and a cluster claim.

An OBJECT is written as JSON or as YAML, or read from a file of either: @FILE, or @- for standard input.

  tpc provision --name demo --workflow ipi-aws --cluster-profile aws --wait \
    --releases '{latest: {release: {channel: stable, version: "4.20"}}}' \
    --env '{COMPUTE_NODE_REPLICAS: "2"}'

  tpc provision --name demo --workflow generic-claim --wait \
    --cluster-claim '{cloud: aws, owner: openshift-ci, product: ocp, version: "4.20", timeout: 1h}'

  tpc provision --name demo --filename claim.yaml --releases @releases.yaml

The request is checked against what the cluster knows before anything is created, and each problem is told in a line
that names the flag. With --wait, progress is shown, with a link to the ProwJob that installs the cluster; when that
fails, what OpenShift CI says is printed word for word. After a timeout or an interrupt the cluster goes on being
installed: give it back with tpc deprovision, or let --deprovision-on-failure do so. That also gives back a cluster
that was asked for when the API server went before it could say so, if it comes back in time; if not, what to do is
told. The same command again takes up where it left off; for an attempt of a task, with --owner and
--deprovision-on-failure, what has failed or was given back makes way for another request.`
}

// Validate refuses flags that do not go together.
func (c *provisionCmd) Validate() error {
	if c.Timeout <= 0 {
		return request.Usage("--timeout", "must be positive")
	}

	if c.DeprovisionOnFailure && !c.Wait {
		return request.Usage("--deprovision-on-failure", "needs --wait")
	}

	return nil
}

// Run asks for a cluster and, if told to, waits for it.
func (c *provisionCmd) Run(ctx context.Context, w *world) error {
	interrupt := ctx

	ctx, cancel := within(ctx, time.Duration(c.Timeout))
	defer cancel()

	t, r, err := c.check(ctx, w)
	if err != nil || c.DryRun {
		return err
	}

	u, created, err := c.ask(ctx, w, t, r)

	unknown := (*unknownError)(nil)
	if errors.As(err, &unknown) {
		err = errors.Join(err, errors.Wrapf(c.giveBack(interrupt, w, t, r, ""), "%s %s may exist in namespace %s all the same", v1alpha1.Kind, r.Object.GetName(), t.Namespace))
	}

	if err != nil {
		return err
	}

	s := cluster.From(u)

	if created {
		w.sayf("TestPlatformCluster %s created in namespace %s", s.Name, s.Namespace)
	} else {
		w.sayf("TestPlatformCluster %s exists in namespace %s, as it is asked for", s.Name, s.Namespace)
	}

	if c.Wait {
		if s, err = c.await(ctx, w, t, s); err != nil {
			interrupted := (*interruptedError)(nil)
			if c.DeprovisionOnFailure && errors.As(err, &interrupted) {
				err = errors.New("interrupted")
			}

			return errors.Join(err, c.giveBack(interrupt, w, t, r, u.GetUID()), w.record(s))
		}

		w.sayf("%s is ready after %s; its kubeconfig is in Secret %s: %s kubeconfig %s", s.Name, progress.Duration(time.Since(s.Created)), s.Secret, w.name, s.Name)
	} else {
		w.sayf("follow it: %s status %s --watch", w.name, s.Name)
	}

	err = c.writeResults(s)
	if err == nil {
		err = w.record(s)
	}

	if err != nil {
		// Nobody is told of the cluster, and whoever would have used it does not begin.
		return errors.Join(err, c.giveBack(interrupt, w, t, r, u.GetUID()))
	}

	return nil
}

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

	if c.DryRun {
		if _, err := t.Create(ctx, r.Object, true); err != nil {
			return nil, nil, refused(r, t, err)
		}

		w.sayf("the request is valid; nothing was created")

		return nil, nil, w.record(map[string]bool{"valid": true})
	}

	if !c.Wait {
		return t, r, nil
	}

	// That it must not be read is better told now than when the cluster is ready.
	err = w.attempt(ctx, func(ctx context.Context) error {
		_, err := t.Kubeconfig(ctx, cluster.From(r.Object).Secret, "")

		return err
	})

	none := (*tenant.NoKubeconfigError)(nil)
	if err != nil && !errors.As(err, &none) {
		return nil, nil, err
	}

	return t, r, nil
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

// An unknownError is about a claim that may have been created, though nobody has said so.
type unknownError struct{ error }

// Unwrap returns what has kept us from knowing.
func (e *unknownError) Unwrap() error { return e.error }

// create creates the claim, unless it exists as it is asked for: an earlier attempt
// may have been cut off, by an API server that restarts or with the Pod it was in.
// When it fails without having learnt whether the claim exists, that is an unknownError.
func (*provisionCmd) create(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request) (u *unstructured.Unstructured, created bool, err error) {
	unanswered := false

	err = w.attempt(ctx, func(ctx context.Context) (err error) {
		defer func() { unanswered = unanswered || tenant.Unanswered(err) }()

		u, err = t.Create(ctx, r.Object, false)
		if created = err == nil; created {
			return nil
		}

		if !kerrors.IsAlreadyExists(err) {
			return err
		}

		u, err = t.Get(ctx, r.Object.GetName())

		return err
	})

	switch {
	case err != nil && (unanswered || ctx.Err() != nil):
		return nil, false, &unknownError{refused(r, t, err)}
	case err != nil:
		return nil, false, refused(r, t, err)
	case !created && !r.Equals(u):
		return nil, false, errors.Errorf("TestPlatformCluster %s exists in namespace %s and asks for something else: choose another --name, or delete it first", u.GetName(), u.GetNamespace())
	}

	return u, created, nil
}

// await waits until the cluster can be used.
func (*provisionCmd) await(ctx context.Context, w *world, t *tenant.Tenant, s cluster.State) (cluster.State, error) {
	return w.await(ctx, t, progress.To(w.progressTo()), s, func(ctx context.Context, s cluster.State) (cluster.State, bool, bool, error) {
		if f := s.ProvisionFailure(); f != nil {
			s.Failure = f

			return s, false, false, tenant.Final(&failedError{name: s.Name, failure: f})
		}

		ready := s.Ready
		s, err := usable(ctx, t, s)

		return s, s.Ready, ready, err
	})
}
