package tenant

import (
	"context"
	"fmt"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// OwnerProblem says why an owner would take what it owns with it at once, or nothing: what
// has an owner that does not exist is deleted. Where owners must not be looked at, or are of
// a kind that nobody serves, there is nothing to say.
func (t *Tenant) OwnerProblem(ctx context.Context, o metav1.OwnerReference) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	resource := schema.FromAPIVersionAndKind(o.APIVersion, o.Kind).GroupVersion().WithResource(strings.ToLower(o.Kind) + "s")
	absent := fmt.Sprintf("%s %s with UID %s does not exist in namespace %s, and what an owner that does not exist owns is deleted", o.Kind, o.Name, o.UID, t.Namespace)

	u, err := t.claims.Resource(resource).Namespace(t.Namespace).Get(ctx, o.Name, metav1.GetOptions{})

	switch {
	case kerrors.IsForbidden(err), kerrors.IsNotFound(err) && !named(err):
		return "", nil
	case kerrors.IsNotFound(err), err == nil && u.GetUID() != o.UID:
		return absent, nil
	}

	return "", errors.Wrapf(err, "cannot look at %s %s", o.Kind, o.Name)
}

// named reports whether an error is about an object, rather than about a kind.
func named(err error) bool {
	status := kerrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return false
	}

	d := status.Status().Details

	return d != nil && d.Name != ""
}
