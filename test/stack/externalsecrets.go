//go:build linux

package stack

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

// A namespace of the Konflux cluster stands in for the vault, which the store of
// production's name reads. What is a path there is the name of a Secret here.
const (
	vault      = "vault"
	vaultPath  = "appci-cluster"
	vaultUser  = "external-secrets"
	esoVersion = "external-secrets.io/v1"
)

// startExternalSecrets runs the External Secrets operator, and gives it a vault.
func (s *Stack) startExternalSecrets(ctx context.Context) error {
	if err := s.Konflux.ApplyAll(ctx, namespace(vault)); err != nil {
		return err
	}

	if err := s.Konflux.ApplyAll(ctx,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: vault, Name: vaultUser}},
		role(vault, vaultUser, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "watch"}}),
		roleBinding(vault, vaultUser, vault, vaultUser),
		s.vaultStore(),
	); err != nil {
		return err
	}

	_, err := s.run(components.ExternalSecrets, s.binaries[components.ExternalSecrets], []string{"--metrics-addr=127.0.0.1:0"}, "KUBECONFIG="+s.Konflux.AdminKubeconfig())

	return err
}

func (s *Stack) vaultStore() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": esoVersion,
		"kind":       konflux.StoreKind,
		"metadata":   map[string]any{"name": konflux.StoreName},
		"spec": map[string]any{"provider": map[string]any{"kubernetes": map[string]any{
			"remoteNamespace": vault,
			"server": map[string]any{
				"url":        s.Konflux.URL,
				"caProvider": map[string]any{"type": "ConfigMap", "namespace": vault, "name": "kube-root-ca.crt", "key": "ca.crt"},
			},
			"auth": map[string]any{"serviceAccount": map[string]any{"namespace": vault, "name": vaultUser}},
		}}},
	}}
}

// putInVault writes the credential to the vault, asks the operator to look, and waits
// until the cluster has it.
func (s *Stack) putInVault(ctx context.Context, kubeconfig []byte) error {
	if err := s.Konflux.ApplyAll(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: vault, Name: vaultPath},
		Data:       map[string][]byte{v1alpha1.ProviderSecretKey: kubeconfig},
	}); err != nil {
		return err
	}

	es := &unstructured.Unstructured{}
	es.SetAPIVersion(esoVersion)
	es.SetKind("ExternalSecret")
	es.SetNamespace(v1alpha1.ProviderSecretNamespace)
	es.SetName(konflux.ExternalSecretName)

	look := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"annotations": {"force-sync": "`+strconv.FormatInt(time.Now().UnixNano(), 10)+`"}}}`))
	if err := s.Konflux.Patch(ctx, es, look); err != nil {
		return errors.Wrap(err, "cannot ask for a look at the vault")
	}

	held := &corev1.Secret{}
	key := types.NamespacedName{Namespace: v1alpha1.ProviderSecretNamespace, Name: v1alpha1.ProviderSecretName}

	return poll(ctx, func(ctx context.Context) error {
		if err := s.Konflux.Get(ctx, key, held); err != nil && !kerrors.IsNotFound(err) {
			return errors.Wrap(err, "cannot get the cluster's credential")
		}

		if !bytes.Equal(held.Data[v1alpha1.ProviderSecretKey], kubeconfig) {
			return notYetError{errors.Errorf("the operator has not brought what is in the vault to %s", key)}
		}

		return nil
	})
}
