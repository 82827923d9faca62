// Package live reads definitions from live clusters.
package live

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// CRDs is the resource of CustomResourceDefinitions.
func CRDs() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
}

// XRDs is the resource of CompositeResourceDefinitions. Crossplane 2 serves all of
// them in this version, and Crossplane 1 has no other.
func XRDs() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apiextensions.crossplane.io", Version: "v1", Resource: "compositeresourcedefinitions"}
}

// Client returns a client of the cluster of a kubeconfig context.
func Client(kubeContext string) (dynamic.Interface, error) {
	cfg, err := Config(kubeContext)
	if err != nil {
		return nil, err
	}

	// That a version of an API is deprecated is for those to know who write it.
	cfg.WarningHandler = rest.NoWarnings{}

	c, err := dynamic.NewForConfig(cfg)

	return c, errors.Wrapf(err, "cannot make client for kubeconfig context %q", kubeContext)
}

// Definition reads a cluster-scoped definition as YAML, without what differs between
// clusters that have the same one.
func Definition(ctx context.Context, c dynamic.Interface, gvr schema.GroupVersionResource, name string) ([]byte, error) {
	u, err := c.Resource(gvr).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, errors.Wrapf(err, "cannot get %s %q", gvr.Resource, name)
	}

	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(u.GroupVersionKind())
	out.SetName(u.GetName())
	out.Object["spec"] = u.Object["spec"]

	b, err := yaml.Marshal(out.Object)

	return b, errors.Wrapf(err, "cannot marshal %s %q", gvr.Resource, name)
}
