//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"log/slog"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/invocation"
)

// Secrets in ci-operator's namespace.
const (
	secretShared         = config.TestName
	secretHiveKubeconfig = config.TestName + "-hive-admin-kubeconfig"
	secretHivePassword   = config.TestName + "-hive-admin-password"
	secretTestDone       = "test-done-signal"
)

// Labels that ci-operator puts on its namespace.
const (
	labelCreatedByCI = "created-by-ci"
	labelRequester   = "dptp.openshift.io/requester"
	labelJobID       = "ci.openshift.io/jobid"
	labelJobName     = "ci.openshift.io/jobname"
	labelJobType     = "ci.openshift.io/jobtype"
	labelOrg         = "ci.openshift.io/metadata.org"
	labelRepo        = "ci.openshift.io/metadata.repo"
	labelBranch      = "ci.openshift.io/metadata.branch"
	labelTarget      = "ci.openshift.io/metadata.target"
)

const requester = "ci-operator"

// namespaceName is a function of ci-operator's inputs, so that calls with the same
// inputs share a namespace.
func namespaceName(inv *invocation.Invocation) string {
	h := sha256.New()
	for _, input := range []string{inv.RawConfig, inv.InputHash} {
		h.Write([]byte(input))
		h.Write([]byte{0})
	}

	return "ci-op-" + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:5]))
}

func namespaceLabels(inv *invocation.Invocation) map[string]string {
	m := inv.Config.Metadata
	l := map[string]string{
		labelCreatedByCI: "true",
		labelRequester:   requester,
		labelJobID:       inv.ProwJob,
		labelJobName:     inv.Job,
		labelJobType:     inv.JobType,
		labelOrg:         m.Org,
		labelRepo:        m.Repo,
		labelBranch:      m.Branch,
		labelTarget:      config.TestName,
	}

	for k, v := range l {
		if len(v) > validation.LabelValueMaxLength {
			l[k] = strings.TrimRight(v[:validation.LabelValueMaxLength], "-_.")
		}
	}

	return l
}

// buildCluster is the cluster that Prow's pods run on.
type buildCluster struct {
	config *rest.Config
	client kubernetes.Interface
}

// sweep deletes the namespaces of calls that ended along with an earlier run of
// this program.
func (b *buildCluster) sweep(ctx context.Context, log *slog.Logger) error {
	l, err := b.client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{
		LabelSelector: labels.SelectorFromSet(labels.Set{labelCreatedByCI: "true", labelRequester: requester}).String(),
	})
	if err != nil {
		return errors.Wrap(err, "cannot list ci-operator's namespaces")
	}

	for _, ns := range l.Items {
		log.Info("removing the namespace of an earlier run", "namespace", ns.Name)

		if err := b.deleteNamespace(ctx, ns.Name); err != nil {
			return err
		}
	}

	return nil
}

// makeNamespace makes a namespace, once an earlier call's of the same name is gone.
func (b *buildCluster) makeNamespace(ctx context.Context, log *slog.Logger, name string, l map[string]string) error {
	waiting := false

	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: l}}

		_, err := b.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
		if !kerrors.IsAlreadyExists(err) {
			return err == nil, err
		}

		if !waiting {
			log.Info("waiting until the namespace of an earlier call is gone", "namespace", name)
		}

		waiting = true

		return false, nil
	})

	return errors.Wrapf(err, "cannot make namespace %q", name)
}

func (b *buildCluster) deleteNamespace(ctx context.Context, name string) error {
	err := b.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if kerrors.IsNotFound(err) || kerrors.IsConflict(err) {
		// A conflict is a deletion that is under way.
		return nil
	}

	return errors.Wrapf(err, "cannot delete namespace %q", name)
}

// makeServiceAccount makes the ServiceAccount of a test's steps. It may read and
// update the one Secret that ends the test, which does not exist yet.
func (b *buildCluster) makeServiceAccount(ctx context.Context, namespace string) error {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: config.TestName}

	_, err := b.client.CoreV1().ServiceAccounts(namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
	if err != nil {
		return errors.Wrap(err, "cannot create the steps' ServiceAccount")
	}

	_, err = b.client.RbacV1().Roles(namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: meta,
		Rules: []rbacv1.PolicyRule{{
			APIGroups:     []string{corev1.GroupName},
			Resources:     []string{"secrets"},
			ResourceNames: []string{secretTestDone},
			Verbs:         []string{"get", "update"},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return errors.Wrap(err, "cannot create the steps' Role")
	}

	_, err = b.client.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: config.TestName},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: config.TestName}},
	}, metav1.CreateOptions{})

	return errors.Wrap(err, "cannot create the steps' RoleBinding")
}

// serviceAccountKubeconfig returns a kubeconfig of the steps' ServiceAccount.
func (b *buildCluster) serviceAccountKubeconfig(ctx context.Context, namespace string, lifetime time.Duration) ([]byte, error) {
	seconds := int64(lifetime.Seconds())

	token, err := b.client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, config.TestName,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}, metav1.CreateOptions{})
	if err != nil {
		return nil, errors.Wrap(err, "cannot request a token for the steps' ServiceAccount")
	}

	cfg := rest.CopyConfig(b.config)
	if err := rest.LoadTLSFiles(cfg); err != nil {
		return nil, errors.Wrap(err, "cannot load the build cluster's CA")
	}

	const name = "build-cluster"

	k := clientcmdapi.NewConfig()
	k.Clusters[name] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: namespace}
	k.CurrentContext = name

	out, err := clientcmd.Write(*k)

	return out, errors.Wrap(err, "cannot encode the steps' kubeconfig")
}

func (b *buildCluster) createSecret(ctx context.Context, namespace, name string, data map[string][]byte) error {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: data}
	_, err := b.client.CoreV1().Secrets(namespace).Create(ctx, s, metav1.CreateOptions{})

	return errors.Wrapf(err, "cannot create Secret %q", name)
}

func (b *buildCluster) updateSecret(ctx context.Context, namespace, name string, data map[string][]byte) error {
	s, err := b.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return errors.Wrapf(err, "cannot get Secret %q", name)
	}

	s.Data = data
	_, err = b.client.CoreV1().Secrets(namespace).Update(ctx, s, metav1.UpdateOptions{})

	return errors.Wrapf(err, "cannot update Secret %q", name)
}
