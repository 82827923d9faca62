package tenant

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
)

// removedAgain is how soon to look again whether a claim is gone.
const removedAgain = time.Second

// Remove deletes the claim of a UID, and waits until it is gone.
func (t *Tenant) Remove(ctx context.Context, name string, uid types.UID, secret string) error {
	bounded, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	err := t.claims.Resource(Resource()).Namespace(t.Namespace).Delete(bounded, name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}})
	// Then it is gone, or another is there.
	if err != nil && !kerrors.IsNotFound(err) && !kerrors.IsConflict(err) {
		return err
	}

	return t.AwaitGone(ctx, name, uid, secret, func(*unstructured.Unstructured) error { return nil })
}

// AwaitGone waits until the claim of a UID is gone, and so is the Secret of a name, if it is
// the claim's: another claim of its name would not be given it. While the claim is there,
// whoever waits may lose patience with it.
func (t *Tenant) AwaitGone(ctx context.Context, name string, uid types.UID, secret string, there func(u *unstructured.Unstructured) error) error {
	err := wait.PollUntilContextCancel(ctx, removedAgain, true, func(ctx context.Context) (bool, error) {
		missing := (*NotFoundError)(nil)

		u, err := t.Get(ctx, name)

		switch {
		case err != nil && !errors.As(err, &missing):
			return false, err
		case err == nil && u.GetUID() == uid:
			return false, there(u)
		}

		return t.released(ctx, secret, uid)
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}

	return err
}

// released reports whether a Secret is not that of the claim of a UID, as far as one may
// know.
func (t *Tenant) released(ctx context.Context, secret string, uid types.UID) (bool, error) {
	if secret == "" {
		return true, nil
	}

	s, err := t.core.Secrets(t.Namespace).Get(ctx, secret, metav1.GetOptions{})
	if kerrors.IsNotFound(err) || kerrors.IsForbidden(err) {
		return true, nil
	}

	if err != nil {
		return false, err
	}

	return !madeFor(metav1.GetControllerOf(s), uid), nil
}
