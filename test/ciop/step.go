//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// scriptPrefix is what ci-operator puts before a step's commands.
const scriptPrefix = "set -eu\n"

// tokenMargin is how much longer a step's token is valid than its job may run.
const tokenMargin = time.Hour

// runStep runs the test's step and returns when it has ended. The step gets the
// environment that its container would have, and nothing of this program's.
func (c *ciOperator) runStep(ctx context.Context) error {
	step := c.invocation.Config.Step()

	home := c.file("home")
	if err := os.MkdirAll(filepath.Join(home, ".kube"), 0o700); err != nil {
		return errors.Wrap(err, "cannot make the step's home directory")
	}

	kubeconfig, err := c.build.serviceAccountKubeconfig(ctx, c.namespace, c.invocation.Timeout+tokenMargin)
	if err != nil {
		return err
	}

	if err := os.WriteFile(filepath.Join(home, ".kube", "config"), kubeconfig, 0o600); err != nil {
		return errors.Wrap(err, "cannot write the step's kubeconfig")
	}

	script := c.file(step.As + ".sh")
	if err := os.WriteFile(script, []byte(scriptPrefix+step.Commands), 0o600); err != nil {
		return errors.Wrap(err, "cannot write the step's script")
	}

	env, err := exec.LookPath("env")
	if err != nil {
		return errors.Wrap(err, "cannot find env")
	}

	p, err := c.group.Start(process.Command{
		Name: c.pod.Name + "/" + step.As,
		Path: env,
		Args: []string{
			"-i",
			"HOME=" + home,
			"KUBECONFIG=" + c.file("kubeconfig"),
			"NAMESPACE=" + c.namespace,
			"PATH=" + c.bin + string(os.PathListSeparator) + os.Getenv("PATH"),
			"sh", script,
		},
		Dir: home,
		Log: filepath.Join(c.logDir, c.pod.Name+"-"+step.As+".log"),
	})
	if err != nil {
		return errors.Wrapf(err, "cannot run step %s", step.As)
	}

	c.step = p
	c.log.Info("running step", "step", step.As, "pid", p.PID())

	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Stop()

		return context.Cause(ctx)
	}

	if err := p.Err(); err != nil {
		return errors.Wrapf(err, "step %s failed", step.As)
	}

	c.log.Info("step succeeded", "step", step.As)

	return nil
}
