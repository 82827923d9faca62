package tenant

import (
	"context"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// watchTimeout is how long a watch may last before it is renewed.
	watchTimeout = 5 * time.Minute

	// watchAgain is how soon to watch again after a watch has ended.
	watchAgain = 500 * time.Millisecond

	// lookAgain is how soon to look again at what no watch tells of.
	lookAgain = 2 * time.Second
)

// ErrDone ends following a claim.
var ErrDone = errors.New("done")

// A GoneError is about a claim that was deleted while it was followed.
type GoneError struct {
	Name string
}

// Error names the claim.
func (e *GoneError) Error() string { return e.Name + " was deleted meanwhile" }

// A Follower is told what becomes of a claim.
type Follower struct {
	// See is told of a claim at first and whenever it has changed. ErrDone ends
	// following it, and so does any other error that is Final, or not transient. Again
	// asks to be told before long even if nothing changes.
	See func(ctx context.Context, u *unstructured.Unstructured) (again bool, err error)

	// Trouble is told what keeps us from following, once for each attempt.
	Trouble func(err error)
}

// Follow follows the claim of a name, and of a UID if one is given, until its
// follower is done, the claim is gone or the context ends. Once it has begun, no
// failure of the API server ends it: it may be restarting, and credentials may be
// renewed.
func (t *Tenant) Follow(ctx context.Context, name string, uid types.UID, f Follower) error {
	b, begun := backoff(), false

	for {
		allowed, err := t.follow(ctx, name, &uid, f)
		begun = begun || allowed

		gone, final := (*GoneError)(nil), (*finalError)(nil)

		switch {
		case errors.Is(err, ErrDone):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &gone):
			return err
		case errors.As(err, &final):
			return final.error
		}

		if !begun && !Transient(err) {
			return t.explain(err, name)
		}

		again := b.Step()

		if err == nil {
			// A watch has ended, which may happen at any time.
			b, again = backoff(), watchAgain
		} else {
			f.Trouble(err)
		}

		if kerrors.IsUnauthorized(err) {
			// A file that cannot be read may just be being written.
			_, _ = t.connect()
		}

		if err := pause(ctx, again); err != nil {
			return err
		}
	}
}

// A finalError is the follower's own, which no attempt will change.
type finalError struct{ error }

// Final returns an error that ends following a claim, whatever its words are: they may be
// those of somebody else's lost connection.
func Final(err error) error { return &finalError{err} }

// Unwrap returns the follower's error.
func (e *finalError) Unwrap() error { return e.error }

// follow lists and watches once, until the watch ends. It reports whether the API
// server lets us watch.
func (t *Tenant) follow(ctx context.Context, name string, uid *types.UID, f Follower) (allowed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout+requestTimeout)
	defer cancel()

	selector := fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()

	l, err := t.list(ctx, selector)
	if err != nil {
		return false, err
	}

	if len(l.Items) == 0 && *uid == "" {
		return false, &finalError{&NotFoundError{Name: name, Namespace: t.Namespace}}
	}

	if len(l.Items) == 0 || *uid != "" && l.Items[0].GetUID() != *uid {
		return false, &GoneError{Name: name}
	}

	last := &l.Items[0]
	*uid = last.GetUID()

	again, err := see(ctx, f, last)
	if err != nil {
		return false, err
	}

	w, err := t.claims.Resource(Resource()).Namespace(t.Namespace).Watch(ctx, metav1.ListOptions{
		FieldSelector:       selector,
		ResourceVersion:     l.GetResourceVersion(),
		AllowWatchBookmarks: true,
		TimeoutSeconds:      new(int64(watchTimeout.Seconds())),
	})
	if err != nil {
		// With these credentials we could list. They have expired since.
		return kerrors.IsUnauthorized(err), err
	}
	defer w.Stop()

	return true, t.events(ctx, w, f, last, again)
}

func (t *Tenant) list(ctx context.Context, selector string) (*unstructured.UnstructuredList, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	return t.claims.Resource(Resource()).Namespace(t.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
}

// see tells a follower, and keeps apart what is wrong for good. An API server that
// has just started may forbid what it will allow once it knows all rights.
func see(ctx context.Context, f Follower, u *unstructured.Unstructured) (again bool, err error) {
	again, err = f.See(ctx, u)

	final := (*finalError)(nil)
	if errors.As(err, &final) {
		return false, err
	}

	if err == nil || errors.Is(err, ErrDone) || Transient(err) || kerrors.IsUnauthorized(err) || kerrors.IsForbidden(err) {
		return again, err
	}

	return false, &finalError{err}
}

// events tells a follower what a watch says.
func (t *Tenant) events(ctx context.Context, w watch.Interface, f Follower, last *unstructured.Unstructured, again bool) error {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()

	for {
		var err error

		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if again {
				again, err = see(ctx, f, last)
			}
		case e, open := <-w.ResultChan():
			switch {
			case !open, e.Type == watch.Error:
				// If there is more to it, that is seen when the next one is begun.
				return nil
			case e.Type == watch.Deleted:
				return &GoneError{Name: last.GetName()}
			case e.Type == watch.Bookmark:
				continue
			}

			u, ok := e.Object.(*unstructured.Unstructured)
			if !ok || u.GetUID() != last.GetUID() {
				return &GoneError{Name: last.GetName()}
			}

			last = u
			again, err = see(ctx, f, last)
		}

		if err != nil {
			return err
		}
	}
}
