package buildfarm

import (
	"context"
	"sort"
	"time"

	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// callTimeout limits a single call, watches aside.
	callTimeout = 10 * time.Second

	// defaultCallLimit is how many calls may wait for one cluster at a time.
	defaultCallLimit = 5
)

// FindNamespaces asks the cluster itself. It is for the one decision that a watch
// that lags must not take: to abort a ProwJob because ci-operator has no namespace.
func (b *Cluster) FindNamespaces(ctx context.Context, job string) ([]string, error) {
	var names []string

	err := b.call(ctx, func(ctx context.Context) error {
		l, err := b.meta.Resource(namespaceResource()).List(ctx, metav1.ListOptions{
			LabelSelector: labels.Set{v1.LabelJobID: job}.String(),
		})
		if err != nil {
			return err
		}

		for _, ns := range l.Items {
			if ns.GetDeletionTimestamp().IsZero() {
				names = append(names, ns.GetName())
			}
		}

		return nil
	})

	sort.Strings(names)

	return names, err
}

// Signal tells ci-operator, by its namespace, to tear down. It may be repeated.
func (b *Cluster) Signal(ctx context.Context, namespace string) error {
	return b.call(ctx, func(ctx context.Context) error {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1.SecretTestDone}}

		_, err := b.core.CoreV1().Secrets(namespace).Create(ctx, s, metav1.CreateOptions{})
		if kerrors.IsAlreadyExists(err) || kerrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil
		}

		return err
	})
}

// call runs a call on the cluster, unless enough of them are waiting for it. While
// the cluster is unavailable a single one is let through, to try it.
func (b *Cluster) call(ctx context.Context, fn func(context.Context) error) error {
	if err := b.Health(); err != nil && len(b.calls) > 0 {
		return err
	}

	select {
	case b.calls <- struct{}{}:
	default:
		return ErrNotYet
	}

	defer func() { <-b.calls }()

	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()

	if err := fn(ctx); err != nil {
		return UnavailableError{Cluster: b.alias, Reason: Describe(err)}
	}

	return nil
}
