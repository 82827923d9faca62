//go:build linux

package stack

import (
	"context"
	"slices"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	authnv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/controlplane"
)

// fieldOwner owns what the stack applies.
const fieldOwner = client.FieldOwner("stack")

const crdKind = "CustomResourceDefinition"

// tokenLifetime is longer than any stack is left running.
const tokenLifetime = 30 * 24 * time.Hour

// retryInterval is how often a condition that cannot be watched is looked at.
const retryInterval = 100 * time.Millisecond

// Cluster is a control plane and an admin's client of it.
type Cluster struct {
	*controlplane.ControlPlane
	client.WithWatch

	// applied is what of our manifests was applied last.
	applied []*unstructured.Unstructured
}

func newCluster(cp *controlplane.ControlPlane, s *runtime.Scheme) (*Cluster, error) {
	c, err := client.NewWithWatch(cp.Admin(), client.Options{Scheme: s})

	return &Cluster{ControlPlane: cp, WithWatch: c}, errors.Wrapf(err, "cannot make a client of %s", cp.Name)
}

// ApplyAll applies objects in order, server-side. Kinds that are not served yet are
// waited for.
func (c *Cluster) ApplyAll(ctx context.Context, objs ...client.Object) error {
	for _, o := range objs {
		if err := c.applyOne(ctx, o); err != nil {
			return errors.Wrapf(err, "cannot apply %s %q to %s", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), c.Name)
		}
	}

	return nil
}

func (c *Cluster) applyOne(ctx context.Context, o client.Object) error {
	gvk, err := c.GroupVersionKindFor(o)
	if err != nil {
		return errors.Wrap(err, "cannot tell the kind")
	}

	o.GetObjectKind().SetGroupVersionKind(gvk)

	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return errors.Wrap(err, "cannot convert")
	}

	u := &unstructured.Unstructured{Object: content}

	// A typed object has these even when they are empty, and to apply them is to own them.
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")

	err = poll(ctx, func(ctx context.Context) error {
		err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(u.DeepCopy()), fieldOwner, client.ForceOwnership)
		if meta.IsNoMatchError(err) || kerrors.IsNotFound(err) || kerrors.IsForbidden(err) || isDiscovery(err) {
			return notYetError{err}
		}

		return err
	})
	if err != nil {
		return err
	}

	return c.awaitServed(ctx, u)
}

// awaitServed waits, if an object is a CRD, until its versions can be discovered: some
// components look them up once only, when they start.
func (c *Cluster) awaitServed(ctx context.Context, u *unstructured.Unstructured) error {
	if u.GetKind() != crdKind {
		return nil
	}

	crd := &extv1.CustomResourceDefinition{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, crd); err != nil {
		return errors.Wrap(err, "cannot read the CRD")
	}

	d, err := discovery.NewDiscoveryClientForConfig(c.Admin())
	if err != nil {
		return errors.Wrap(err, "cannot make a discovery client")
	}

	return poll(ctx, func(context.Context) error {
		for _, v := range crd.Spec.Versions {
			if !v.Served {
				continue
			}

			l, err := d.ServerResourcesForGroupVersion(crd.Spec.Group + "/" + v.Name)
			if err != nil {
				return notYetError{err}
			}

			if !slices.ContainsFunc(l.APIResources, func(r metav1.APIResource) bool { return r.Name == crd.Spec.Names.Plural }) {
				return notYetError{errors.Errorf("%s %s is not served yet", crd.Name, v.Name)}
			}
		}

		return nil
	})
}

func isDiscovery(err error) bool {
	failed := &discovery.ErrGroupDiscoveryFailed{}

	return errors.As(err, &failed)
}

// notYetError marks an error that time mends.
type notYetError struct{ error }

func (e notYetError) Unwrap() error { return e.error }

// patience is how long the stack waits for what only has to settle, on a machine that does
// much else.
const patience = 5 * time.Minute

// poll calls fn until it returns something else than notYetError. The last error is
// returned when patience or the context ends first.
func poll(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	t := time.NewTicker(retryInterval)
	defer t.Stop()

	var last error

	for {
		err := fn(ctx)

		switch notYet := (notYetError{}); {
		case errors.As(err, &notYet):
			last = err
		case ctx.Err() != nil && last != nil:
			return errors.Wrap(last, "gave up waiting")
		default:
			return err
		}

		select {
		case <-ctx.Done():
			return errors.Wrap(last, "gave up waiting")
		case <-t.C:
		}
	}
}

// ServiceAccountKubeconfig makes a ServiceAccount and its namespace where they are
// missing, and returns a kubeconfig for it.
func (c *Cluster) ServiceAccountKubeconfig(ctx context.Context, contextName, namespace, name string) ([]byte, error) {
	sa := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}

	if err := c.ApplyAll(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, sa); err != nil {
		return nil, err
	}

	req := &authnv1.TokenRequest{Spec: authnv1.TokenRequestSpec{ExpirationSeconds: new(int64(tokenLifetime.Seconds()))}}
	if err := c.SubResource("token").Create(ctx, sa, req); err != nil {
		return nil, errors.Wrapf(err, "cannot request a token for ServiceAccount %s/%s of %s", namespace, name, c.Name)
	}

	return c.TokenKubeconfig(contextName, req.Status.Token)
}
