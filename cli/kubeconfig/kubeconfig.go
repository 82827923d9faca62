// Package kubeconfig handles the kubeconfigs of ephemeral clusters, as found in
// Secrets.
package kubeconfig

import (
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// An Access is what one context of a kubeconfig says.
type Access struct {
	cluster   *clientcmdapi.Cluster
	user      *clientcmdapi.AuthInfo
	namespace string
}

// Parse reads the current context of a kubeconfig. Whoever may write the Secret it is
// from must not gain more by that than a connection to a cluster: a kubeconfig that
// would run a program, or read files of this machine, is refused.
func Parse(b []byte) (*Access, error) {
	cfg, err := clientcmd.Load(b)
	if err != nil {
		// The library's words could repeat what is in it.
		return nil, errors.New("the kubeconfig cannot be parsed")
	}

	name := cfg.CurrentContext
	if name == "" && len(cfg.Contexts) == 1 {
		for only := range cfg.Contexts {
			name = only
		}
	}

	c, ok := cfg.Contexts[name]
	if !ok {
		return nil, errors.Errorf("the kubeconfig does not have its current context, %q", name)
	}

	a := &Access{cluster: cfg.Clusters[c.Cluster], user: cfg.AuthInfos[c.AuthInfo], namespace: c.Namespace}

	switch {
	case a.cluster == nil || a.cluster.Server == "":
		return nil, errors.Errorf("the kubeconfig has no server for its context %q", name)
	case a.user == nil:
		return nil, errors.Errorf("the kubeconfig has no user for its context %q", name)
	case a.user.Exec != nil || a.user.AuthProvider != nil:
		return nil, errors.New("the kubeconfig is refused, because it would run a program")
	case a.cluster.CertificateAuthority != "" || a.user.ClientCertificate != "" || a.user.ClientKey != "" || a.user.TokenFile != "":
		return nil, errors.New("the kubeconfig is refused, because it would read files of this machine")
	}

	return a, nil
}

// config returns a kubeconfig of one context, whose cluster and user have its name.
func (a *Access) config(name string) *clientcmdapi.Config {
	cfg := clientcmdapi.NewConfig()

	cfg.Clusters[name] = a.cluster
	cfg.AuthInfos[name] = a.user
	cfg.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name, Namespace: a.namespace}
	cfg.CurrentContext = name

	return cfg
}

// Client returns how to reach the cluster.
func (a *Access) Client(userAgent string) (*rest.Config, error) {
	cfg, err := clientcmd.NewDefaultClientConfig(*a.config("it"), &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, errors.New("the kubeconfig cannot be used")
	}

	cfg.UserAgent = userAgent
	cfg.WarningHandler = rest.NoWarnings{}

	return cfg, nil
}
