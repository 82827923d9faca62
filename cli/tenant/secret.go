package tenant

import (
	"context"
	"fmt"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

// crossplane is what the groups of Crossplane's own kinds, and of its providers', end with.
const crossplane = ".crossplane.io"

// SecretTaken says whose a Secret is that a claim of some name, which does not exist yet,
// cannot have for its own, or nothing.
func (t *Tenant) SecretTaken(ctx context.Context, secret, claim string) (string, error) {
	s, err := t.core.Secrets(t.Namespace).Get(ctx, secret, metav1.GetOptions{})
	if kerrors.IsNotFound(err) {
		return "", nil
	}

	if err != nil {
		return "", errors.Wrapf(err, "cannot read Secret %q", secret)
	}

	c := metav1.GetControllerOf(s)

	switch {
	case c == nil:
		return fmt.Sprintf("Secret %q exists, and was not made for a cluster", secret), nil
	case c.Kind == v1alpha1.Kind && c.Name == claim:
		// An earlier claim has left it behind, and it goes, too.
		return "", nil
	case strings.HasSuffix(strings.Split(c.APIVersion, "/")[0], crossplane):
		// A provider wrote it for a claim. The claims that there are say for which.
		return "", nil
	}

	return fmt.Sprintf("Secret %q exists, and is that of %s %s", secret, c.Kind, c.Name), nil
}
