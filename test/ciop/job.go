//go:build linux

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/invocation"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// operator is what all calls of ci-operator share.
type operator struct {
	build    *buildCluster
	group    *process.Group
	binaries controlplane.Binaries

	dir    string
	logDir string
	bin    string

	canary    string
	verbosity int
	defaults  behaviour
}

// ciOperator is one call of ci-operator.
type ciOperator struct {
	*operator

	log *slog.Logger
	pod *corev1.Pod

	// Set by execute, in this order, as far as it gets.
	invocation *invocation.Invocation
	behaviour  behaviour
	dir        string
	namespace  string
	cluster    *controlplane.ControlPlane
	step       *process.Process
}

func (o *operator) newJob(pod *corev1.Pod, log *slog.Logger) job {
	return &ciOperator{operator: o, pod: pod, log: log}
}

// execute provisions a cluster, runs the test's step and deprovisions the cluster.
func (c *ciOperator) execute(ctx context.Context) error {
	inv, err := invocation.FromPod(c.pod)
	if err != nil {
		return err
	}

	c.invocation = inv

	c.behaviour, err = c.defaults.with(inv.Config.Test().Steps.Env)
	if err != nil {
		return err
	}

	c.dir, err = os.MkdirTemp(c.operator.dir, "job-")
	if err != nil {
		return errors.Wrap(err, "cannot make a directory")
	}

	ctx, cancel := context.WithTimeoutCause(ctx, inv.Timeout, errors.Errorf("process did not finish before %s timeout", inv.Timeout))
	defer cancel()

	err = c.test(ctx)
	if ctx.Err() == nil {
		// Deprovisioning is due however the test went.
		err = errors.Join(err, c.deprovision(ctx))
	}

	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return err
}

// test is the workflow's first part and the test's own step.
func (c *ciOperator) test(ctx context.Context) error {
	if err := c.makeNamespace(ctx); err != nil {
		return err
	}

	if err := c.provision(ctx); err != nil {
		return errors.Wrap(err, "cannot provision the cluster")
	}

	return c.runStep(ctx)
}

func (c *ciOperator) makeNamespace(ctx context.Context) error {
	name := namespaceName(c.invocation)

	if err := c.build.makeNamespace(ctx, c.log, name, namespaceLabels(c.invocation)); err != nil {
		return err
	}

	c.namespace = name
	c.log = c.log.With("namespace", name)
	c.log.Info("made namespace")

	if err := c.build.makeServiceAccount(ctx, name); err != nil {
		return err
	}

	if c.invocation.Claim() {
		return nil
	}

	return c.build.createSecret(ctx, name, secretShared, nil)
}

func (c *ciOperator) provision(ctx context.Context) error {
	c.log.Info("provisioning", "delay", c.behaviour.ProvisionDelay, "claim", c.invocation.Claim())

	if c.behaviour.NeverReady {
		c.log.Info("cluster will never be ready")
		<-ctx.Done()

		return context.Cause(ctx)
	}

	if err := sleep(ctx, c.behaviour.ProvisionDelay); err != nil {
		return err
	}

	if c.behaviour.Fail == phaseProvision {
		return errors.New("told to fail")
	}

	kubeconfig, err := c.startCluster(ctx)
	if err != nil {
		return err
	}

	if err := c.publish(ctx, kubeconfig); err != nil {
		return err
	}

	c.log.Info("provisioned", "server", c.cluster.URL)

	return nil
}

func (c *ciOperator) deprovision(ctx context.Context) error {
	c.log.Info("deprovisioning", "delay", c.behaviour.DeprovisionDelay)

	if err := sleep(ctx, c.behaviour.DeprovisionDelay); err != nil {
		return err
	}

	c.destroy()

	if c.behaviour.Fail == phaseDeprovision {
		return errors.New("cannot deprovision the cluster: told to fail")
	}

	return nil
}

func (c *ciOperator) destroy() {
	if c.step != nil {
		c.step.Stop()
	}

	if c.cluster != nil {
		c.cluster.Stop()
		c.log.Info("destroyed cluster", "server", c.cluster.URL)
		c.cluster = nil
	}

	if c.dir == "" {
		return
	}

	// It holds keys.
	if err := os.RemoveAll(c.dir); err != nil {
		c.log.Error("cannot remove the job's directory", "error", err)
	}

	c.dir = ""
}

func (c *ciOperator) reap(ctx context.Context) error {
	if c.namespace == "" {
		return nil
	}

	return c.build.deleteNamespace(ctx, c.namespace)
}

func (c *ciOperator) file(name string) string { return filepath.Join(c.dir, name) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
