//go:build linux

package stack

import (
	"context"
	"net"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

const (
	providerSA            = "provider-kubernetes"
	providerRuntimeConfig = "provider-kubernetes-runtime-config"
)

// A provider is provider-kubernetes, as it runs.
type provider struct {
	// args and env are what the stack adds to those of the Pod.
	args []string
	env  []string

	// ready is the URL that says whether it is.
	ready string

	// template is the Pod's that runs.
	template corev1.PodTemplateSpec

	process *process.Process
}

// prepareProvider does for provider-kubernetes what the package manager does: it
// issues its server's certificate, and installs its CRDs, which reach its conversion
// webhook by address.
func (s *Stack) prepareProvider(ctx context.Context) error {
	certs := types.NamespacedName{Namespace: crossplaneNamespace, Name: "provider-kubernetes-tls-server"}
	if err := s.issueCertificate(ctx, certs, pki.Loopback(providerSA)); err != nil {
		return err
	}

	certsDir, err := s.secretDir(ctx, s.Konflux, certs)
	if err != nil {
		return err
	}

	ports, err := freePorts(3)
	if err != nil {
		return err
	}

	s.provider = provider{
		args: s.debug([]string{
			"--webhook-port=" + ports[0],
			"--metrics-bind-address=127.0.0.1:" + ports[1],
			"--health-probe-bind-addr=127.0.0.1:" + ports[2],
		}),
		env:   []string{"TLS_SERVER_CERTS_DIR=" + certsDir},
		ready: "http://127.0.0.1:" + ports[2] + "/readyz",
	}

	return s.applyProviderCRDs(ctx, net.JoinHostPort("127.0.0.1", ports[0]))
}

// startProvider runs provider-kubernetes.
func (s *Stack) startProvider(ctx context.Context) error {
	kubeconfig, err := s.serviceAccountFile(ctx, s.Konflux, crossplaneNamespace, providerSA)
	if err != nil {
		return err
	}

	s.provider.env = append(s.provider.env, "KUBECONFIG="+kubeconfig)

	return s.rolloutProvider(ctx)
}

// rolloutProvider does what a Deployment does: when what its Pods are made of has
// changed, it replaces them. Crossplane makes the Deployment of what is read here.
func (s *Stack) rolloutProvider(ctx context.Context) error {
	c := &pkgv1beta1.DeploymentRuntimeConfig{}
	if err := s.Konflux.Get(ctx, types.NamespacedName{Name: providerRuntimeConfig}, c); err != nil {
		return errors.Wrap(err, "cannot tell how provider-kubernetes is to run")
	}

	template := c.Spec.DeploymentTemplate.Spec.Template

	if s.provider.process != nil {
		if equality.Semantic.DeepEqual(template, s.provider.template) {
			return nil
		}

		s.provider.process.Stop()
	}

	args := slices.Concat(template.Spec.Containers[0].Args, s.provider.args)

	p, err := s.run(ComponentProvider, s.binaries[components.ProviderKubernetes], args, s.provider.env...)
	if err != nil {
		return err
	}

	s.provider.process, s.provider.template = p, template

	// The API server calls the webhook for every Object that it reads or writes.
	return s.waitHTTP(ctx, p, s.provider.ready)
}

// applyProviderCRDs applies the provider's CRDs as the package manager would, with
// the webhook's authority, but by URL: there is no Service to reach it by.
func (s *Stack) applyProviderCRDs(ctx context.Context, webhook string) error {
	module, err := s.builder.ModuleDir(ctx, components.ProviderKubernetesModule)
	if err != nil {
		return err
	}

	objs, err := ReadObjects(filepath.Join(module, "package", "crds", "*.yaml"))
	if err != nil {
		return err
	}

	ca := &corev1.Secret{}
	if err := s.Konflux.Get(ctx, types.NamespacedName{Namespace: crossplaneNamespace, Name: caSecret}, ca); err != nil {
		return errors.Wrap(err, "cannot get Crossplane's certificate authority")
	}

	for _, o := range objs {
		crd := &extv1.CustomResourceDefinition{}

		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			return errors.Wrap(err, "cannot read a CRD of provider-kubernetes")
		}

		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, crd); err != nil {
			return errors.Wrap(err, "cannot read a CRD of provider-kubernetes")
		}

		if c := crd.Spec.Conversion; c != nil && c.Webhook != nil {
			c.Webhook.ClientConfig = &extv1.WebhookClientConfig{
				URL:      new("https://" + webhook + "/convert"),
				CABundle: ca.Data[corev1.TLSCertKey],
			}
		}

		if err := s.Konflux.ApplyAll(ctx, crd); err != nil {
			return err
		}
	}

	return nil
}

// configureKonflux installs what a Konflux cluster has before us, and then what is
// ours.
func (s *Stack) configureKonflux(ctx context.Context) error {
	if err := s.applyModules(ctx, s.Konflux, map[string]string{components.ExternalSecretsModule: components.ExternalSecretCRDs}); err != nil {
		return err
	}

	return s.applyTree(ctx, s.Konflux, konfluxDir, environment, KonfluxClusterName)
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
