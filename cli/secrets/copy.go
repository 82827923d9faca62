// Package secrets copies Secrets from one cluster to another.
package secrets

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
)

// bookkeeping are the keys, or what they begin with, of labels and annotations by which others
// keep track of a Secret where it is. On another cluster they would make it theirs: to be
// pruned, or taken for a part of something that is not there.
func bookkeeping() []string {
	return []string{
		"app.kubernetes.io/managed-by",
		"argocd.argoproj.io/",
		"helm.sh/",
		"kubectl.kubernetes.io/",
		"meta.helm.sh/",
		"reconcile.external-secrets.io/",
	}
}

// Select returns the Secrets that match a label selector. A token of a ServiceAccount is
// none to copy: no other cluster knows the ServiceAccount, so that its own would delete the
// Secret, having learnt a credential of this one.
func Select(ctx context.Context, from corev1client.SecretInterface, selector string) ([]corev1.Secret, error) {
	l, err := from.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, errors.Wrap(err, "cannot list Secrets")
	}

	for _, s := range l.Items {
		if s.Type == corev1.SecretTypeServiceAccountToken {
			return nil, errors.Errorf("Secret %q is the token of a ServiceAccount, which must not leave this cluster: select others", s.GetName())
		}
	}

	return l.Items, nil
}

// Copy makes a namespace of another cluster have a Secret of the same name, type,
// contents, labels and annotations, but for others' bookkeeping.
func Copy(ctx context.Context, to corev1client.SecretInterface, s *corev1.Secret) error {
	want := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: s.GetName(), Labels: own(s.GetLabels()), Annotations: own(s.GetAnnotations())},
		Type:       s.Type,
		Immutable:  s.Immutable,
		Data:       s.Data,
	}

	err := retry.RetryOnConflict(retry.DefaultRetry, func() error { return put(ctx, to, want) })

	return errors.Wrapf(err, "cannot copy Secret %q", s.GetName())
}

func put(ctx context.Context, to corev1client.SecretInterface, want *corev1.Secret) error {
	_, err := to.Create(ctx, want, metav1.CreateOptions{})
	if !kerrors.IsAlreadyExists(err) {
		return err
	}

	have, err := to.Get(ctx, want.GetName(), metav1.GetOptions{})
	if err != nil {
		return err
	}

	if have.Type != want.Type {
		return errors.Errorf("there is one of type %q, whose type cannot be changed to %q: delete it first", have.Type, want.Type)
	}

	next := have.DeepCopy()

	switch immutable := have.Immutable != nil && *have.Immutable; {
	case !immutable:
		next.Data, next.Immutable = want.Data, want.Immutable
	case !equality.Semantic.DeepEqual(have.Data, want.Data):
		return errors.New("there is an immutable one with other contents: delete it first")
	}

	next.Labels = merged(have.GetLabels(), want.GetLabels())
	next.Annotations = merged(have.GetAnnotations(), want.GetAnnotations())

	if equality.Semantic.DeepEqual(have, next) {
		return nil
	}

	_, err = to.Update(ctx, next, metav1.UpdateOptions{})

	return err
}

// own returns labels or annotations without others' bookkeeping.
func own(all map[string]string) map[string]string {
	out := maps.Clone(all)
	maps.DeleteFunc(out, func(key, _ string) bool {
		return slices.ContainsFunc(bookkeeping(), func(theirs string) bool { return strings.HasPrefix(key, theirs) })
	})

	return out
}

// merged keeps what others have set.
func merged(have, want map[string]string) map[string]string {
	out := maps.Clone(have)
	if out == nil {
		out = map[string]string{}
	}

	maps.Copy(out, want)

	return out
}
