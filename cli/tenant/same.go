package tenant

import (
	"context"
	"encoding/json"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/api/equality"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
)

// Same returns the claim of a name, and whether it is as it is wanted: whether what is wanted
// would change nothing of it. The API server judges that, which alone knows what it makes of
// what is written: it leaves out what is empty, and fills in what is not said.
func (t *Tenant) Same(ctx context.Context, want *unstructured.Unstructured) (have *unstructured.Unstructured, same bool, err error) {
	patch, err := asked(want)
	if err != nil {
		return nil, false, err
	}

	err = retry.RetryOnConflict(changing(), func() error {
		if have, err = t.Get(ctx, want.GetName()); err != nil {
			return err
		}

		then, err := t.wouldBe(ctx, have, patch)

		switch {
		case err == nil:
			same = equality.Semantic.DeepEqual(told(have), told(then))

			return nil
		case kerrors.IsInvalid(err), kerrors.IsForbidden(err), kerrors.IsBadRequest(err):
			// It cannot become what is wanted, so it is something else.
			return nil
		}

		return err
	})

	return have, same, err
}

// changing is how long a claim may go on being changed while it is looked at, which it is
// above all when it is new.
func changing() wait.Backoff {
	return wait.Backoff{Duration: 50 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 7}
}

// asked returns what a patch would change of a claim that is not as it is wanted.
func asked(want *unstructured.Unstructured) (map[string]any, error) {
	metadata := map[string]any{}

	for _, field := range []string{"annotations", "labels", "ownerReferences"} {
		if v, ok, err := unstructured.NestedFieldNoCopy(want.Object, "metadata", field); ok && v != nil && err == nil {
			metadata[field] = v
		}
	}

	spec, _, err := unstructured.NestedMap(want.Object, "spec")

	return map[string]any{"metadata": metadata, "spec": spec}, errors.Wrap(err, "cannot tell what is asked for")
}

// wouldBe returns what a claim would be after a patch, if it is still what it was.
func (t *Tenant) wouldBe(ctx context.Context, have *unstructured.Unstructured, patch map[string]any) (*unstructured.Unstructured, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	p := (&unstructured.Unstructured{Object: patch}).DeepCopy()
	p.SetResourceVersion(have.GetResourceVersion())

	b, err := json.Marshal(p.Object)
	if err != nil {
		return nil, errors.Wrap(err, "cannot make a patch")
	}

	return t.claims.Resource(Resource()).Namespace(t.Namespace).
		Patch(ctx, have.GetName(), types.MergePatchType, b, metav1.PatchOptions{FieldManager: fieldManager, DryRun: []string{metav1.DryRunAll}})
}

// told is what a request says of a claim.
func told(u *unstructured.Unstructured) []any {
	return []any{u.GetAnnotations(), u.GetLabels(), u.GetOwnerReferences(), u.Object["spec"]}
}
