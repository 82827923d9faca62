//go:build linux

package stack

import (
	"context"
	"slices"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Await returns the first object of a list that matches, as soon as it does.
func (c *Cluster) Await(ctx context.Context, list client.ObjectList, match func(client.Object) bool, opts ...client.ListOption) (client.Object, error) {
	for {
		if err := c.List(ctx, list, opts...); err != nil {
			// A kind may not be served yet, or a server may be restarting.
			if !sleep(ctx, retryInterval) {
				return nil, errors.Wrapf(err, "cannot list objects of %s", c.Name)
			}

			continue
		}

		items, err := meta.ExtractList(list)
		if err != nil {
			return nil, errors.Wrap(err, "cannot read a list")
		}

		for _, i := range items {
			if o, ok := i.(client.Object); ok && match(o) {
				return o, nil
			}
		}

		o, err := c.awaitEvent(ctx, list, match, opts)
		if o != nil || err != nil {
			return o, err
		}
	}
}

// awaitEvent watches from where a list ends. It returns nothing when the watch ends
// before an object matches.
func (c *Cluster) awaitEvent(ctx context.Context, list client.ObjectList, match func(client.Object) bool, opts []client.ListOption) (client.Object, error) {
	from := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: list.GetResourceVersion()}}

	w, err := c.Watch(ctx, list, append(slices.Clone(opts), from)...)
	if err != nil {
		if !sleep(ctx, retryInterval) {
			return nil, errors.Wrapf(err, "cannot watch objects of %s", c.Name)
		}

		return nil, nil //nolint:nilnil // The caller lists again.
	}
	defer w.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil, errors.Wrap(ctx.Err(), "gave up watching")
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return nil, nil //nolint:nilnil // The caller lists again.
			}

			if o, ok := e.Object.(client.Object); ok && e.Type != watch.Deleted && match(o) {
				return o, nil
			}
		}
	}
}

// AwaitGone waits until an object does not exist.
func (c *Cluster) AwaitGone(ctx context.Context, o client.Object) error {
	for {
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), o); kerrors.IsNotFound(err) {
			return nil
		}

		if !sleep(ctx, retryInterval) {
			return errors.Wrapf(ctx.Err(), "%s is still on %s", o.GetName(), c.Name)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
