package main

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

type deprovisionCmd struct {
	Name string `arg:"" help:"Name of the TestPlatformCluster."`

	Wait    bool    `help:"Wait until the ProwJob that destroys the cluster has ended; fail when it has failed."`
	Timeout timeout `default:"2h"                                                                                help:"How long to wait."`
}

// Help is what `tpc deprovision --help` says beyond its flags.
func (*deprovisionCmd) Help() string {
	return `OpenShift CI destroys the cluster, in its own time: there is no need to wait for that. The TestPlatformCluster
remains, to tell what became of it, until it is deleted or its owner is: kubectl delete testplatformcluster NAME.`
}

// Validate refuses flags that do not go together.
func (c *deprovisionCmd) Validate() error {
	if c.Timeout <= 0 {
		return request.Usage("--timeout", "must be positive")
	}

	return nil
}

// Run asks for a cluster to be destroyed and, if told to, waits for that.
func (c *deprovisionCmd) Run(ctx context.Context, w *world) error {
	if wrong := request.WrongName(c.Name); wrong != "" {
		return request.Usage("NAME", wrong)
	}

	ctx, cancel := within(ctx, time.Duration(c.Timeout))
	defer cancel()

	t, err := w.connect()
	if err != nil {
		return err
	}

	var u *unstructured.Unstructured

	ask := w.attempt
	if c.Wait {
		// Who waits for the end of the cluster waits for an API server to ask it of, too.
		ask = w.retry
	}

	err = ask(ctx, func(ctx context.Context) error {
		u, err = t.TearDown(ctx, c.Name, "")

		return err
	})
	if err != nil {
		return err
	}

	s := cluster.From(u)
	w.sayf("the tear-down of %s is asked for", s.Name)

	if !c.Wait {
		return w.record(s)
	}

	asked := time.Now()

	s, err = w.await(ctx, t, progress.To(w.progressTo()), s, func(_ context.Context, s cluster.State) (cluster.State, bool, bool, error) {
		done, failure := s.Deprovisioned()

		// What app.ci has refused before it was asked for this is no answer to it.
		refused := s.TearDownRefused()
		if failure == nil && refused != nil && time.Since(asked) > w.patience.answer {
			failure = refused
		}

		if failure != nil {
			s.Failure = failure

			return s, false, false, tenant.Final(&failedError{name: s.Name, failure: failure})
		}

		return s, done, refused != nil, nil
	})
	if err != nil {
		return errors.Join(err, w.record(s))
	}

	w.sayf("%s is destroyed", s.Name)

	return w.record(s)
}
