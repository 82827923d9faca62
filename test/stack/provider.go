//go:build linux

package stack

import (
	"context"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// A provider is provider-kubernetes, as it runs.
type provider struct {
	// pkg is the Provider's name.
	pkg string

	// args and env are what the stack adds to those of the Pod.
	args []string
	env  []string

	// ready is the URL that says whether it is.
	ready string

	// template is the Pod's that runs.
	template corev1.PodTemplateSpec

	process *process.Process
}

// installProvider does for provider-kubernetes' package what Crossplane leaves to an
// external runtime, but for running it: that takes a credential. Its conversion webhook
// is called through a Service.
func (s *Stack) installProvider(ctx context.Context) error {
	pkg, err := s.installed(konflux.ProviderName, providerRegistry)
	if err != nil {
		return err
	}

	rev, err := s.activeRevision(ctx, &pkgv1.ProviderRevisionList{}, pkg, "")
	if err != nil {
		return err
	}

	secret, certs, err := s.serverCertificate(ctx, pkg)
	if err != nil {
		return err
	}

	ports, err := freePorts(3)
	if err != nil {
		return err
	}

	s.provider = provider{
		pkg: pkg,
		args: s.debug([]string{
			"--webhook-port=" + ports[0],
			"--metrics-bind-address=127.0.0.1:" + ports[1],
			"--health-probe-bind-addr=127.0.0.1:" + ports[2],
		}),
		env:   []string{"TLS_SERVER_CERTS_DIR=" + certs},
		ready: "http://127.0.0.1:" + ports[2] + "/readyz",
	}

	if err := s.expose(ctx, pkg, ports[0]); err != nil {
		return err
	}

	return s.reportRuntime(ctx, rev, secret, "")
}

// startProvider runs provider-kubernetes.
func (s *Stack) startProvider(ctx context.Context) error {
	kubeconfig, err := s.serviceAccountFile(ctx, s.Konflux, crossplaneNamespace, konflux.ProviderName)
	if err != nil {
		return err
	}

	s.provider.env = append(s.provider.env, "KUBECONFIG="+kubeconfig)

	return s.rolloutProvider(ctx)
}

// rolloutProvider does what a Deployment does: when what its Pods are made of has
// changed, it replaces them. Crossplane makes the Deployment of what is read here.
func (s *Stack) rolloutProvider(ctx context.Context) error {
	pkg := &pkgv1.Provider{}
	if err := s.Konflux.Get(ctx, types.NamespacedName{Name: s.provider.pkg}, pkg); err != nil {
		return errors.Wrap(err, "cannot get provider-kubernetes' package")
	}

	c, err := s.RuntimeOf(ctx, pkg)
	if err != nil {
		return err
	}

	template := podOf(c)

	if s.provider.process != nil {
		if equality.Semantic.DeepEqual(template, s.provider.template) {
			return nil
		}

		s.provider.process.Stop()
	}

	args := slices.Clone(s.provider.args)
	for _, c := range template.Spec.Containers {
		args = append(args, c.Args...)
	}

	p, err := s.run(ComponentProvider, s.binaries[components.ProviderKubernetes], args, s.provider.env...)
	if err != nil {
		return err
	}

	s.provider.process, s.provider.template = p, template

	// The API server calls the webhook for every Object that it reads or writes.
	if err := s.waitHTTP(ctx, p, s.provider.ready); err != nil {
		return err
	}

	return s.awaitPackage(ctx, &pkgv1.Provider{ObjectMeta: metav1.ObjectMeta{Name: s.provider.pkg}})
}

// RestartProvider runs provider-kubernetes anew, as when its Pod is deleted.
func (s *Stack) RestartProvider(ctx context.Context) error {
	s.provider.process.Stop()
	s.provider.process = nil

	return s.rolloutProvider(ctx)
}

// configureKonflux installs what a Konflux cluster has before us, and then what is
// ours. Some of that takes the CRDs of provider-kubernetes, which come with it.
func (s *Stack) configureKonflux(ctx context.Context) error {
	crds := components.ExternalSecretCRD
	if s.ExternalSecrets {
		crds = components.ExternalSecretsCRDs
	}

	if err := s.applyModules(ctx, s.Konflux, map[string][]string{components.ExternalSecretsModule: {crds}}); err != nil {
		return err
	}

	if err := s.redirectImages(ctx); err != nil {
		return err
	}

	if s.Configuration {
		if err := s.ApplyConfiguration(ctx, s.released); err != nil {
			return err
		}
	}

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.applyKonfluxTree(ctx) })
	g.Go(func() error { return s.installProvider(ctx) })

	return g.Wait()
}

// connectProvider gives the Konflux cluster its credential of app.ci.
func (s *Stack) connectProvider(ctx context.Context) error {
	if s.ExternalSecrets {
		if err := s.startExternalSecrets(ctx); err != nil {
			return err
		}
	}

	versions := s.Deployment.Credential.TokenVersions

	b, err := s.IssueCredential(ctx, versions[len(versions)-1])
	if err != nil {
		return err
	}

	return s.SetCredential(ctx, b)
}

// SetCredential brings a kubeconfig to the Secret that provider-kubernetes takes its
// credential from: through the vault, or in place of the External Secrets operator.
func (s *Stack) SetCredential(ctx context.Context, kubeconfig []byte) error {
	if s.ExternalSecrets {
		return s.putInVault(ctx, kubeconfig)
	}

	return s.Konflux.ApplyAll(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName},
		Data:       map[string][]byte{v1alpha1.ProviderSecretKey: kubeconfig},
	})
}
