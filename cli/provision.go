package main

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

type provisionCmd struct {
	request.Params `group:"Request"`

	Wait                 bool    `help:"Wait until the cluster is ready and its kubeconfig is in the Secret."`
	Timeout              timeout `default:"2h"                                                                                                                                       help:"How long to wait."`
	DeprovisionOnFailure bool    `help:"With --wait, give the cluster back when it does not become ready in time, fails, the wait is interrupted, or the results cannot be written."`
	ResultsDir           string  `help:"Directory to write the files secretRef, testPlatformClusterClaimName and testPlatformClusterClaimNamespace to, when all went well."          placeholder:"DIR"`
	DryRun               bool    `help:"Only check the request, on the cluster too; ask for nothing."`

	// unseen is true when the Secret must not be read: the claim's conditions have to do.
	unseen bool
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
			cut := (*interruptedError)(nil)
			if c.DeprovisionOnFailure && errors.As(err, &cut) {
				cut.follow = ""
			}

			return errors.Join(err, c.giveBack(interrupt, w, t, r, u.GetUID()), w.record(s))
		}

		w.sayf("%s is ready after %s; its kubeconfig is in Secret %s: %s kubeconfig %s", s.Name, progress.Duration(time.Since(s.Created)), s.Secret, w.name, s.Name)

		if c.unseen {
			w.sayf("the Secret was not looked at, which takes the right to get Secrets: the claim says that it has the kubeconfig")
		}
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

// await waits until the cluster can be used.
func (c *provisionCmd) await(ctx context.Context, w *world, t *tenant.Tenant, s cluster.State) (cluster.State, error) {
	s, err := w.await(ctx, t, progress.To(w.progressTo()), s, func(ctx context.Context, s cluster.State) (cluster.State, bool, bool, error) {
		if f := s.ProvisionFailure(); f != nil {
			s.Failure = f

			return s, false, false, tenant.Final(&failedError{name: s.Name, failure: f})
		}

		if c.unseen {
			return s, s.Ready, false, nil
		}

		ready := s.Ready
		s, err := usable(ctx, t, s)

		return s, s.Ready, ready, err
	})

	gone := (*tenant.GoneError)(nil)
	if errors.As(err, &gone) && len(c.Owner) > 0 {
		return s, errors.Errorf("%s failed: %s", s.Name, s.Deletion())
	}

	return s, err
}
