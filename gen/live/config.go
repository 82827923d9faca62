package live

import (
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Config returns how to reach the cluster of a kubeconfig context, or of the current
// one when the context is empty. The kubeconfig is the one that kubectl would use.
func Config(kubeContext string) (*rest.Config, error) {
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext},
	).ClientConfig()

	return cfg, errors.Wrapf(err, "cannot load kubeconfig context %q", kubeContext)
}
