// Package kubeconfig issues the credentials that Konflux clusters have of app.ci, and
// tells what a credential is good for.
package kubeconfig

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// A Request asks for a kubeconfig of a ServiceAccount.
type Request struct {
	Namespace      string
	ServiceAccount string

	// Secret is the long-lived token to use: a Secret of the ServiceAccount's
	// namespace and type kubernetes.io/service-account-token. When it is empty a
	// token is issued that expires after Duration.
	Secret   string
	Duration time.Duration

	// Cluster is what the kubeconfig calls the cluster, and its context.
	Cluster string

	// Server and CAFile, where they are not empty, are how others reach the cluster, and
	// what they verify it by: not everybody goes the way of the one who issues this.
	Server string
	CAFile string
}

// Issue returns a kubeconfig for a ServiceAccount of the cluster that a config
// reaches. The API server may shorten a duration; one that it has shortened is an
// error, because what relies on it would break sooner than planned.
func Issue(ctx context.Context, cfg *rest.Config, req Request) ([]byte, error) {
	cluster, err := clusterOf(cfg, req)
	if err != nil {
		return nil, err
	}

	kube, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, errors.Wrap(err, "cannot make a client")
	}

	token, err := tokenFor(ctx, kube, req)
	if err != nil {
		return nil, err
	}

	out := clientcmdapi.NewConfig()
	out.Clusters[req.Cluster] = cluster
	out.AuthInfos[req.ServiceAccount] = &clientcmdapi.AuthInfo{Token: token}
	out.Contexts[req.Cluster] = &clientcmdapi.Context{Cluster: req.Cluster, AuthInfo: req.ServiceAccount}
	out.CurrentContext = req.Cluster

	b, err := clientcmd.Write(*out)

	return b, errors.Wrap(err, "cannot encode the kubeconfig")
}

func tokenFor(ctx context.Context, kube kubernetes.Interface, req Request) (string, error) {
	if req.Secret != "" {
		return longLived(ctx, kube, req)
	}

	// Rounding is not shortening.
	const tolerance = time.Minute

	before := time.Now()

	tr, err := kube.CoreV1().ServiceAccounts(req.Namespace).CreateToken(ctx, req.ServiceAccount, &authnv1.TokenRequest{
		Spec: authnv1.TokenRequestSpec{ExpirationSeconds: new(int64(req.Duration.Seconds()))},
	}, metav1.CreateOptions{})
	if err != nil {
		return "", errors.Wrapf(err, "cannot issue a token of ServiceAccount %s/%s", req.Namespace, req.ServiceAccount)
	}

	if got := tr.Status.ExpirationTimestamp.Sub(before); got < req.Duration-tolerance {
		return "", errors.Errorf("the API server issues tokens for %s at most, not for %s", got.Round(time.Second), req.Duration)
	}

	return tr.Status.Token, nil
}

func longLived(ctx context.Context, kube kubernetes.Interface, req Request) (string, error) {
	s, err := kube.CoreV1().Secrets(req.Namespace).Get(ctx, req.Secret, metav1.GetOptions{})
	if err != nil {
		return "", errors.Wrapf(err, "cannot get Secret %s/%s", req.Namespace, req.Secret)
	}

	switch {
	case s.Type != corev1.SecretTypeServiceAccountToken:
		return "", errors.Errorf("Secret %s/%s is of type %q, not %q", req.Namespace, req.Secret, s.Type, corev1.SecretTypeServiceAccountToken)
	case s.Annotations[corev1.ServiceAccountNameKey] != req.ServiceAccount:
		return "", errors.Errorf("Secret %s/%s belongs to ServiceAccount %q, not %q", req.Namespace, req.Secret, s.Annotations[corev1.ServiceAccountNameKey], req.ServiceAccount)
	case len(s.Data[corev1.ServiceAccountTokenKey]) == 0:
		return "", errors.Errorf("Secret %s/%s has no token yet: try again in a moment", req.Namespace, req.Secret)
	}

	return string(s.Data[corev1.ServiceAccountTokenKey]), nil
}

// clusterOf returns how others reach the cluster of a config: its files are
// embedded. A server that is not verified is no cluster to issue anything of, and a
// kubeconfig that does not verify it gives its token to whoever answers.
func clusterOf(cfg *rest.Config, req Request) (*clientcmdapi.Cluster, error) {
	for _, server := range []string{cfg.Host, req.Server} {
		if unverified(server, cfg.Insecure) {
			return nil, errors.Errorf("the certificate of %s is not verified: issue no credential of it", server)
		}
	}

	// Without a scheme client-go may take it for a server without TLS, and sends it no token.
	if req.Server != "" && !strings.HasPrefix(req.Server, "https://") {
		return nil, errors.Errorf("server %q does not begin with https://", req.Server)
	}

	c := clientcmdapi.NewCluster()
	c.Server = cfg.Host
	c.TLSServerName = cfg.ServerName
	c.CertificateAuthorityData = cfg.CAData

	file := ""
	if len(cfg.CAData) == 0 {
		file = cfg.CAFile
	}

	if req.Server != "" {
		// The name is that of where the context leads.
		c.Server, c.TLSServerName = req.Server, ""
	}

	if req.CAFile != "" {
		file = req.CAFile
	}

	if file == "" {
		return c, nil
	}

	b, err := os.ReadFile(file)
	c.CertificateAuthorityData = b

	return c, errors.Wrap(err, "cannot read the cluster's certificate authority")
}

// unverified says whether anybody could answer for a server.
func unverified(server string, insecure bool) bool {
	return insecure || strings.HasPrefix(server, "http://")
}
