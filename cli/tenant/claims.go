package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// fieldManager is who the API server says has set what we set.
const fieldManager = "tpc"

// Schema returns the schema of claims that the cluster serves.
func (t *Tenant) Schema() (*served.Schema, error) {
	s, err := served.Fetch(t.schema.OpenAPIV3(), Kind())
	if errors.Is(err, served.ErrNotServed) {
		return nil, ErrNotServed
	}

	return s, err
}

// ErrNotServed is about a cluster that does not know claims.
var ErrNotServed = errors.Errorf("this cluster does not know %s.%s: is it a Konflux cluster? --context and --kubeconfig say which cluster it is", v1alpha1.Plural, v1alpha1.Group)

// Get returns a claim.
func (t *Tenant) Get(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	u, err := t.claims.Resource(Resource()).Namespace(t.Namespace).Get(ctx, name, metav1.GetOptions{})

	return u, t.explain(err, name)
}

// List returns the claims of the namespace or of all namespaces, oldest first.
func (t *Tenant) List(ctx context.Context, all bool) ([]unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	namespace := t.Namespace
	if all {
		namespace = metav1.NamespaceAll
	}

	l, err := t.claims.Resource(Resource()).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, t.explain(err, "")
	}

	slices.SortStableFunc(l.Items, func(a, b unstructured.Unstructured) int {
		return a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time)
	})

	return l.Items, nil
}

// Create creates a claim, of which the API server must know every field.
func (t *Tenant) Create(ctx context.Context, u *unstructured.Unstructured, dryRun bool) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	o := metav1.CreateOptions{FieldManager: fieldManager, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		o.DryRun = []string{metav1.DryRunAll}
	}

	return t.claims.Resource(Resource()).Namespace(t.Namespace).Create(ctx, u, o)
}

// An operation of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// TearDown asks for a cluster to be destroyed, and for none of another UID, if one is
// given.
func (t *Tenant) TearDown(ctx context.Context, name string, uid types.UID) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	var operations []operation
	if uid != "" {
		operations = append(operations, operation{Op: "test", Path: "/metadata/uid", Value: uid})
	}

	patch, err := json.Marshal(append(operations, operation{Op: "add", Path: "/spec/tearDownCluster", Value: true}))
	if err != nil {
		return nil, errors.Wrap(err, "cannot make a patch")
	}

	u, err := t.claims.Resource(Resource()).Namespace(t.Namespace).
		Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
	if uid != "" && untested(err) {
		return nil, &GoneError{Name: name}
	}

	return u, t.explain(err, name)
}

// untested reports whether a patch was refused for what the object is, rather than for what
// it would become: of that there are causes.
func untested(err error) bool {
	status := kerrors.APIStatus(nil)
	if !kerrors.IsInvalid(err) || !errors.As(err, &status) {
		return false
	}

	d := status.Status().Details

	return d == nil || len(d.Causes) == 0
}

// Explain puts the errors that users run into most into words of ours, and leaves
// the others as they are.
func (t *Tenant) Explain(err error, name string) error { return t.explain(err, name) }

func (t *Tenant) explain(err error, name string) error {
	status := kerrors.APIStatus(nil)
	if !kerrors.IsNotFound(err) || !errors.As(err, &status) {
		return err
	}

	// Only what is served has a name that can be missing.
	d := status.Status().Details

	switch {
	case d == nil || d.Name == "":
		return ErrNotServed
	case d.Kind == "namespaces":
		return &NoNamespaceError{Name: d.Name}
	}

	return &NotFoundError{Name: name, Namespace: t.Namespace}
}

// A NoNamespaceError is about a namespace that does not exist, which only those are told
// who may create something in every namespace.
type NoNamespaceError struct {
	Name string
}

// Error names the namespace.
func (e *NoNamespaceError) Error() string { return "namespace " + e.Name + " does not exist" }

// A NotFoundError is about a claim that does not exist.
type NotFoundError struct {
	Name      string
	Namespace string
}

// Error names the claim.
func (e *NotFoundError) Error() string {
	return v1alpha1.Kind + " " + e.Name + " does not exist in namespace " + e.Namespace
}

// A NoKubeconfigError says why there is no kubeconfig. There may be one later.
type NoKubeconfigError struct {
	why string
}

// Error says why.
func (e *NoKubeconfigError) Error() string { return e.why }

func noKubeconfig(format string, args ...any) error {
	return &NoKubeconfigError{why: fmt.Sprintf(format, args...)}
}

// Kubeconfig returns the kubeconfig that a Secret holds for a claim of some UID, or
// for no claim in particular. A Secret that another claim of the same name has left
// behind is not taken.
func (t *Tenant) Kubeconfig(ctx context.Context, secret string, claim types.UID) ([]byte, error) {
	if secret == "" {
		return nil, noKubeconfig("the %s names no Secret for it: set spec.writeConnectionSecretToRef.name", v1alpha1.Kind)
	}

	s, err := t.core.Secrets(t.Namespace).Get(ctx, secret, metav1.GetOptions{})
	if kerrors.IsNotFound(err) {
		return nil, noKubeconfig("Secret %q does not exist", secret)
	}

	if err != nil {
		return nil, errors.Wrapf(err, "cannot read Secret %q", secret)
	}

	if c := metav1.GetControllerOf(s); claim != "" && c != nil && !madeFor(c, claim) {
		return nil, noKubeconfig("Secret %q belongs to another %s %s, which is no more", secret, c.Kind, c.Name)
	}

	if len(s.Data[v1.KeyKubeconfig]) == 0 {
		return nil, noKubeconfig("Secret %q has no key %s", secret, v1.KeyKubeconfig)
	}

	return s.Data[v1.KeyKubeconfig], nil
}

// Core returns the client of the namespace's Secrets.
func (t *Tenant) Core() corev1client.SecretInterface { return t.core.Secrets(t.Namespace) }
