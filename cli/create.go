package main

import (
	"context"
	"fmt"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// An unknownError is about a claim that may have been created, though nobody has said so.
type unknownError struct{ error }

// Unwrap returns what has kept us from knowing.
func (e *unknownError) Unwrap() error { return e.error }

// create creates the claim, unless it exists as it is asked for: an earlier attempt
// may have been cut off, by an API server that restarts or with the Pod it was in.
// When it fails without having learnt whether the claim exists, that is an unknownError.
func (c *provisionCmd) create(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request) (u *unstructured.Unstructured, created bool, err error) {
	for {
		unanswered, same, gone := false, false, false

		err = w.attempt(ctx, func(ctx context.Context) (err error) {
			defer func() { unanswered = unanswered || tenant.Unanswered(err) }()

			u, err = t.Create(ctx, r.Object, false)
			if created = err == nil; created {
				return nil
			}

			if !kerrors.IsAlreadyExists(err) {
				return err
			}

			u, same, err = t.Same(ctx, r.Wanted())

			missing := (*tenant.NotFoundError)(nil)
			if gone = errors.As(err, &missing); gone {
				return nil
			}

			return err
		})

		switch {
		case gone:
			// It existed a moment ago.
			continue
		case err != nil && (unanswered || ctx.Err() != nil):
			return nil, false, &unknownError{refused(r, t, err)}
		case err != nil:
			return nil, false, refused(r, t, err)
		case created, same && u.GetDeletionTimestamp() == nil:
			return u, created, nil
		}

		if err := c.makeWay(ctx, w, t, r, u); err != nil {
			return nil, false, err
		}
	}
}

// makeWay waits until a claim is gone that has the name of the one that is asked for. It is
// an error when it is not going.
func (*provisionCmd) makeWay(ctx context.Context, w *world, t *tenant.Tenant, r *request.Request, u *unstructured.Unstructured) error {
	whose := fmt.Sprintf("%s %s", u.GetKind(), u.GetName())
	if owner := cluster.Owner(u); owner != "" {
		whose += " of " + owner
	}

	whose += fmt.Sprintf(", created %s ago,", progress.Duration(time.Since(u.GetCreationTimestamp().Time)))

	if u.GetDeletionTimestamp() == nil && !succeeds(r.Owners(), u.GetOwnerReferences()) {
		return errors.Errorf("%s exists in namespace %s and asks for something else: choose another --name, or delete it first", whose, u.GetNamespace())
	}

	w.sayf("%s is in the way: waiting until it is deleted", whose)

	begun := time.Now()

	err := w.retry(ctx, func(ctx context.Context) error {
		return t.AwaitGone(ctx, u.GetName(), u.GetUID(), cluster.From(u).Secret, func(u *unstructured.Unstructured) error {
			if u.GetDeletionTimestamp() == nil && time.Since(begun) > w.patience.ask {
				return errors.Errorf("%s exists in namespace %s, and nobody has deleted it for %s: delete it first", whose, u.GetNamespace(), w.patience.ask)
			}

			return nil
		})
	})

	timeout := (*timeoutError)(nil)
	if errors.As(err, &timeout) {
		return &timeoutError{after: timeout.after, waitingFor: whose + " to be deleted"}
	}

	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return interrupted(ctx, "")
	}

	return err
}

// succeeds reports whether an owner has the name of one before it, which therefore does not
// exist any more. What that owned is about to be deleted.
func succeeds(now, before []metav1.OwnerReference) bool {
	for _, n := range now {
		for _, b := range before {
			if n.Kind == b.Kind && n.Name == b.Name && n.UID != b.UID {
				return true
			}
		}
	}

	return false
}
