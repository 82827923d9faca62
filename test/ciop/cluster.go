//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"os"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
)

// Names in the kubeconfig of an ephemeral cluster, as OpenShift's installer has them.
const (
	adminContext = "admin"
	adminUser    = "system:admin"
)

// startCluster starts the ephemeral cluster and returns its kubeconfig.
func (c *ciOperator) startCluster(ctx context.Context) ([]byte, error) {
	if err := os.Mkdir(c.file("cluster"), 0o700); err != nil {
		return nil, errors.Wrap(err, "cannot make the cluster's directory")
	}

	cp, err := controlplane.Start(ctx, controlplane.Options{
		Name:      c.pod.Name,
		Dir:       c.file("cluster"),
		LogDir:    c.logDir,
		Group:     c.group,
		Binaries:  c.binaries,
		Verbosity: c.verbosity,
	})
	if err != nil {
		return nil, err
	}

	c.cluster = cp

	// The canary is in what a client reads from the kubeconfig, and in the
	// certificate that it authenticates with.
	kubeconfig, err := cp.Kubeconfig(adminContext+c.canary, adminUser+c.canary, controlplane.AdminGroup)
	if err != nil {
		return nil, err
	}

	return kubeconfig, errors.Wrap(os.WriteFile(c.file("kubeconfig"), kubeconfig, 0o600), "cannot write the cluster's kubeconfig")
}

// publish writes the cluster's credentials where ci-operator leaves them.
func (c *ciOperator) publish(ctx context.Context, kubeconfig []byte) error {
	if !c.invocation.Claim() {
		return c.build.updateSecret(ctx, c.namespace, secretShared, map[string][]byte{"kubeconfig": kubeconfig})
	}

	// No user logs in with it: it only has to be carried.
	password := c.canary + rand.Text()

	if err := c.build.createSecret(ctx, c.namespace, secretHiveKubeconfig, map[string][]byte{"kubeconfig": kubeconfig}); err != nil {
		return err
	}

	return c.build.createSecret(ctx, c.namespace, secretHivePassword, map[string][]byte{"password": []byte(password)})
}
