//go:build linux

package stack

import (
	"context"
	"net"
	"path/filepath"

	pkcv1alpha1 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/v1alpha1"
	pkmv1alpha1 "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced/v1alpha1"
	kconfig "github.com/crossplane-contrib/provider-kubernetes/pkg/kube/config"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
)

const providerSA = "provider-kubernetes"

// startProvider runs provider-kubernetes with the flags and rights of production.
// Its CRDs are applied directly, and reach its conversion webhook by address.
func (s *Stack) startProvider(ctx context.Context) error {
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

	if err := s.applyProviderCRDs(ctx, net.JoinHostPort("127.0.0.1", ports[0])); err != nil {
		return err
	}

	kubeconfig, err := s.serviceAccountFile(ctx, s.Konflux, crossplaneNamespace, providerSA)
	if err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx, providerRights()...); err != nil {
		return err
	}

	args := []string{
		"--sanitize-secrets", "--enable-watches",
		"--webhook-port=" + ports[0],
		"--metrics-bind-address=127.0.0.1:" + ports[1],
		"--health-probe-bind-addr=127.0.0.1:" + ports[2],
	}

	p, err := s.run(ComponentProvider, s.binaries[components.ProviderKubernetes], s.debug(args), "KUBECONFIG="+kubeconfig, "TLS_SERVER_CERTS_DIR="+certsDir)
	if err != nil {
		return err
	}

	// The API server calls the webhook for every Object that it reads or writes.
	return s.waitHTTP(ctx, p, "http://127.0.0.1:"+ports[2]+"/readyz")
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

// providerRights are what Crossplane's RBAC manager grants a provider and, on the
// provider's kinds, Crossplane itself.
func providerRights() []client.Object {
	kinds := rbacv1.PolicyRule{
		APIGroups: []string{"kubernetes.crossplane.io", "kubernetes.m.crossplane.io"},
		Resources: []string{rbacv1.ResourceAll},
		Verbs:     []string{rbacv1.VerbAll},
	}

	return []client.Object{
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{
				Name:   "crossplane:provider:provider-kubernetes:aggregate-to-edit",
				Labels: map[string]string{"rbac.crossplane.io/aggregate-to-crossplane": "true"},
			},
			Rules: []rbacv1.PolicyRule{kinds},
		},
		&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: "crossplane:provider:provider-kubernetes:system"},
			Rules: []rbacv1.PolicyRule{
				kinds,
				{APIGroups: []string{""}, Resources: []string{"secrets", "configmaps", "events"}, Verbs: []string{rbacv1.VerbAll}},
				{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{rbacv1.VerbAll}},
				{APIGroups: []string{"apiextensions.k8s.io"}, Resources: []string{"customresourcedefinitions"}, Verbs: []string{"get", "list", "watch"}},
			},
		},
		clusterRoleBinding("crossplane:provider:provider-kubernetes:system", crossplaneNamespace, providerSA),
	}
}

// connectProvider gives provider-kubernetes its credential of app.ci, and the
// Konflux cluster its name.
func (s *Stack) connectProvider(ctx context.Context) error {
	credential, err := s.AppCI.ServiceAccountKubeconfig(ctx, s.AppCI.Name, apiv1.DefaultNamespace, providerAppCISA)
	if err != nil {
		return err
	}

	if err := s.AppCI.ApplyAll(ctx, providerAppCIRights()...); err != nil {
		return err
	}

	spec := kconfig.ProviderConfigSpec{Credentials: kconfig.ProviderCredentials{
		Source: xpv2.CredentialsSourceSecret,
		CommonCredentialSelectors: xpv2.CommonCredentialSelectors{SecretRef: &xpv2.SecretKeySelector{
			SecretReference: xpv2.SecretReference{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName},
			Key:             v1alpha1.ProviderSecretKey,
		}},
	}}

	return s.Konflux.ApplyAll(ctx,
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.ConnectionSecretNamespace}},
		&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName},
			Data:       map[string][]byte{v1alpha1.ProviderSecretKey: credential},
		},
		&pkcv1alpha1.ProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.ProviderConfigName}, Spec: spec},
		&pkmv1alpha1.ClusterProviderConfig{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.ProviderConfigName}, Spec: spec},
	)
}
