// Package tenant reaches a tenant's namespace on a Konflux cluster. Claims and v2
// namespaced composites are the same API there, and are both called claims here.
package tenant

import (
	"cmp"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

// requestTimeout is how long a request may take that is not a watch.
const requestTimeout = 30 * time.Second

// Kind is that of claims.
func Kind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: v1alpha1.Group, Version: v1alpha1.Version, Kind: v1alpha1.Kind}
}

// Resource is that of claims.
func Resource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: v1alpha1.Group, Version: v1alpha1.Version, Resource: v1alpha1.Plural}
}

// Options say which namespace of which cluster.
type Options struct {
	// Kubeconfig is a file. When it is empty, $KUBECONFIG and ~/.kube/config are
	// read and, in a Pod without these, the Pod's own credentials.
	Kubeconfig string

	// Context of the kubeconfig, the current one when empty.
	Context string

	// Namespace, that of the context or of the Pod when empty.
	Namespace string

	// UserAgent is what the API server's logs call us.
	UserAgent string
}

// A Tenant is one namespace.
type Tenant struct {
	Namespace string

	options Options

	claims dynamic.Interface
	core   corev1client.CoreV1Interface
	schema discovery.OpenAPIV3SchemaInterface
}

// Connect returns a tenant's namespace. Nothing is asked of the cluster yet.
func Connect(o Options) (*Tenant, error) {
	t := &Tenant{options: o}

	chosen, err := t.connect()
	if err != nil {
		return nil, err
	}

	// Another cluster or namespace must not take its place when credentials are
	// loaded again.
	t.options.Context, t.options.Namespace = chosen, t.Namespace

	return t, nil
}

// loader reads the kubeconfig as kubectl would.
func (o Options) loader() clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig

	overrides := &clientcmd.ConfigOverrides{CurrentContext: o.Context}
	overrides.Context.Namespace = o.Namespace

	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

// connect loads credentials, which may have changed since they were loaded last, and
// returns the context that they are of.
func (t *Tenant) connect() (string, error) {
	loader := t.options.loader()

	raw, err := loader.RawConfig()
	if err != nil {
		return "", errors.Wrap(err, "cannot load the kubeconfig")
	}

	cfg, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return "", errors.New("there is no kubeconfig: log in to a Konflux cluster first, or set KUBECONFIG or --kubeconfig")
	}

	if err != nil {
		return "", errors.Wrap(err, "cannot load the kubeconfig")
	}

	namespace, _, err := loader.Namespace()
	if err != nil {
		return "", errors.Wrap(err, "cannot tell the namespace")
	}

	cfg.UserAgent = t.options.UserAgent
	cfg.WarningHandler = rest.NoWarnings{}

	claims, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return "", errors.Wrap(err, "cannot use the kubeconfig")
	}

	bounded := rest.CopyConfig(cfg)
	bounded.Timeout = requestTimeout

	core, err := corev1client.NewForConfig(bounded)
	if err != nil {
		return "", errors.Wrap(err, "cannot use the kubeconfig")
	}

	disco, err := discovery.NewDiscoveryClientForConfig(bounded)
	if err != nil {
		return "", errors.Wrap(err, "cannot use the kubeconfig")
	}

	t.Namespace, t.claims, t.core, t.schema = namespace, claims, core, disco

	return cmp.Or(t.options.Context, raw.CurrentContext), nil
}
