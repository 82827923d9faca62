//go:build linux

package stack

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// Names that Crossplane's Helm chart gives.
const (
	crossplaneNamespace = "crossplane-system"
	crossplaneSA        = "crossplane"
	rbacManagerSA       = "rbac-manager"
	caSecret            = "crossplane-root-ca"
	serverSecret        = "crossplane-tls-server"
	clientSecret        = "crossplane-tls-client"
	webhookService      = "crossplane-webhooks"
)

// startCrossplane installs Crossplane as its Helm chart would, and runs its core
// and RBAC manager with the rights of that chart.
func (s *Stack) startCrossplane(ctx context.Context) error {
	module, err := s.builder.ModuleDir(ctx, components.CrossplaneModule)
	if err != nil {
		return err
	}

	rights, err := crossplaneRights(module)
	if err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: crossplaneNamespace}}); err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx, rights...); err != nil {
		return err
	}

	core, err := s.serviceAccountFile(ctx, s.Konflux, crossplaneNamespace, crossplaneSA)
	if err != nil {
		return err
	}

	env := []string{
		"KUBECONFIG=" + core,
		"POD_NAMESPACE=" + crossplaneNamespace,
		"POD_SERVICE_ACCOUNT=" + crossplaneSA,
		"TLS_CA_SECRET_NAME=" + caSecret,
		"TLS_SERVER_SECRET_NAME=" + serverSecret,
		"TLS_CLIENT_SECRET_NAME=" + clientSecret,
		"WEBHOOK_SERVICE_NAME=" + webhookService,
		"WEBHOOK_SERVICE_NAMESPACE=" + crossplaneNamespace,
		"WEBHOOK_SERVICE_PORT=" + strconv.Itoa(webhookPort),
		"WEBHOOK_CONFIGS_PATH=" + filepath.Join(module, "cluster", "webhookconfigurations"),
		"CRDS_PATH=" + filepath.Join(module, "cluster", "crds"),
	}

	if err := s.initCrossplane(ctx, env); err != nil {
		return err
	}

	clientCerts, err := s.secretDir(ctx, s.Konflux, types.NamespacedName{Namespace: crossplaneNamespace, Name: clientSecret})
	if err != nil {
		return err
	}

	serverCerts, err := s.secretDir(ctx, s.Konflux, types.NamespacedName{Namespace: crossplaneNamespace, Name: serverSecret})
	if err != nil {
		return err
	}

	ports, err := freePorts(3)
	if err != nil {
		return err
	}

	if err := s.expose(ctx, webhookService, ports[2]); err != nil {
		return err
	}

	start := slices.Concat(env, []string{
		"TLS_CLIENT_CERTS_DIR=" + clientCerts, "TLS_SERVER_CERTS_DIR=" + serverCerts,
		"XPKG_CACHE_DIR=" + s.dir("xpkg"), "XFN_CACHE_DIR=" + s.dir("xfn"),
	})

	args := []string{
		"core", "start",
		"--metrics-port=" + ports[0], "--health-probe-port=" + ports[1], "--webhook-port=" + ports[2],
		// The stack runs packages itself: there is no kubelet to do it.
		"--package-runtime=Function=External;Provider=External",
		// A life of an hour passes in some seconds here. What it changes about its composite is
		// no storm of events, but there is no time for the breaker to refill in between.
		"--circuit-breaker-burst=1000",
	}

	if s.UpgradeDependencies {
		args = append(args, "--enable-dependency-version-upgrades")
	}

	if _, err := s.run("crossplane", s.binaries[components.CrossplaneCore], s.debug(args), start...); err != nil {
		return err
	}

	manager, err := s.serviceAccountFile(ctx, s.Konflux, crossplaneNamespace, rbacManagerSA)
	if err != nil {
		return err
	}

	_, err = s.run("crossplane-rbac-manager", s.binaries[components.CrossplaneCore],
		s.debug([]string{"rbac", "start", "--provider-clusterrole=crossplane:allowed-provider-permissions"}),
		"KUBECONFIG="+manager)

	return err
}

// initCrossplane runs what is an init container in production, and like one it is
// restarted when it fails: the first run can be too early for a CRD that it has
// just installed.
func (s *Stack) initCrossplane(ctx context.Context, env []string) error {
	return poll(ctx, func(ctx context.Context) error {
		// Nothing is activated by default, so that what is has to say so.
		p, err := s.run("crossplane-init", s.binaries[components.CrossplaneCore], s.debug([]string{"core", "init"}), env...)
		if err != nil {
			return err
		}

		err = p.Wait(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}

		return notYetError{errors.Errorf("crossplane core init: %v\n%s", err, process.Tail(p.Log, logTail))}
	})
}

// serviceAccountFile writes a ServiceAccount's kubeconfig to a file.
func (s *Stack) serviceAccountFile(ctx context.Context, c *Cluster, namespace, name string) (string, error) {
	b, err := c.ServiceAccountKubeconfig(ctx, c.Name, namespace, name)
	if err != nil {
		return "", err
	}

	path := filepath.Join(s.dir("kubeconfigs"), c.Name+"-"+name)

	return path, errors.Wrap(os.WriteFile(path, b, 0o600), "cannot write a kubeconfig")
}

// secretDir writes a Secret's data to a directory, as a mounted volume would, once
// the Secret has any.
func (s *Stack) secretDir(ctx context.Context, c *Cluster, key types.NamespacedName) (string, error) {
	secret := &corev1.Secret{}

	err := poll(ctx, func(ctx context.Context) error {
		err := c.Get(ctx, key, secret)
		if kerrors.IsNotFound(err) || (err == nil && len(secret.Data) == 0) {
			return notYetError{errors.Errorf("Secret %s of %s has no data yet", key, c.Name)}
		}

		return err
	})
	if err != nil {
		return "", errors.Wrapf(err, "cannot read Secret %s of %s", key, c.Name)
	}

	dir := s.dir("secrets", key.Name)

	return dir, writeFiles(dir, secret.Data)
}

func writeFiles(dir string, files map[string][]byte) error {
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600); err != nil {
			return errors.Wrap(err, "cannot write a file")
		}
	}

	return nil
}

func freePorts(n int) ([]string, error) {
	ports := make([]string, n)

	for i := range ports {
		p, err := process.FreePort()
		if err != nil {
			return nil, err
		}

		ports[i] = strconv.Itoa(p)
	}

	return ports, nil
}
