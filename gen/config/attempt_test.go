package config

import (
	"context"
	"strings"
	"testing"
	"time"

	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// An attempt is something that somebody tries to do.
type attempt struct {
	reason  string
	by      client.Client
	do      func(context.Context, client.Client) error
	allowed bool
}

// attempts runs a table. First it waits until some of them are as they should be,
// because an API server heeds rights and policies a moment after they were applied.
func attempts(t *testing.T, table map[string]attempt, first ...string) {
	t.Helper()

	for _, name := range first {
		a, ok := table[name]
		if !ok {
			t.Fatalf("there is no attempt %s", name)
		}

		// Whether it ever was is told below.
		_ = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
			return a.verdict(ctx) == "", nil
		})
	}

	for name, a := range table {
		t.Run(name, func(t *testing.T) {
			if wrong := a.verdict(t.Context()); wrong != "" {
				t.Errorf("\n%s\n%s", a.reason, wrong)
			}
		})
	}
}

// verdict says what is wrong with what came of the attempt.
func (a attempt) verdict(ctx context.Context) string {
	err := a.do(ctx, a.by)

	switch {
	case a.allowed && err != nil:
		return "want it allowed, got " + err.Error()
	case !a.allowed && err == nil:
		return "want it refused, but it was allowed"
	// RBAC refuses with Forbidden, a policy with that or Invalid. So does validation,
	// which is no answer here.
	case !a.allowed && !kerrors.IsForbidden(err) && !strings.Contains(err.Error(), "ValidatingAdmissionPolicy"):
		return "want it refused, got " + err.Error()
	case !a.allowed && strings.Contains(err.Error(), "resulted in error"):
		return "want it refused by a policy that works, got " + err.Error()
	}

	return ""
}

// object parses an object, written as YAML.
func object(t *testing.T, s string) *unstructured.Unstructured {
	t.Helper()

	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(s), &u.Object); err != nil {
		t.Fatal(err)
	}

	return u
}

// creates tries to create an object, for a dry run: whoever may not is told so all the
// same.
func creates(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Create(ctx, copyOf(o), client.DryRunAll)
	}
}

// patches tries to patch an object, for a dry run.
func patches(o client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Patch(ctx, copyOf(o), client.RawPatch("application/merge-patch+json", []byte(merge)), client.DryRunAll)
	}
}

// patchesStatus tries to patch an object's status, for a dry run.
func patchesStatus(o client.Object, merge string) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Status().Patch(ctx, copyOf(o), client.RawPatch("application/merge-patch+json", []byte(merge)),
			&client.SubResourcePatchOptions{PatchOptions: client.PatchOptions{DryRun: []string{metav1.DryRunAll}}})
	}
}

func deletes(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Delete(ctx, copyOf(o), client.DryRunAll)
	}
}

// orphans tries to delete an object without what it owns.
func orphans(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Delete(ctx, copyOf(o), client.DryRunAll, client.PropagationPolicy(metav1.DeletePropagationOrphan))
	}
}

// deletesByUID tries to delete an object as the garbage collector does.
func deletesByUID(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		fresh := copyOf(o)
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), fresh); err != nil {
			return err
		}

		return c.Delete(ctx, copyOf(o), client.DryRunAll, client.Preconditions{UID: new(fresh.GetUID())})
	}
}

// deletesAll tries to delete all objects of a kind in a namespace, as the namespace
// controller does.
func deletesAll(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.DeleteAllOf(ctx, copyOf(o), client.InNamespace(o.GetNamespace()), client.DryRunAll)
	}
}

func gets(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		return c.Get(ctx, client.ObjectKeyFromObject(o), copyOf(o))
	}
}

func lists(o client.Object, opts ...client.ListOption) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		l := &unstructured.UnstructuredList{}

		gvk, err := c.GroupVersionKindFor(o)
		if err != nil {
			return err
		}

		l.SetGroupVersionKind(gvk)

		return c.List(ctx, l, opts...)
	}
}

func copyOf(o client.Object) client.Object {
	c, ok := o.DeepCopyObject().(client.Object)
	if !ok {
		return o
	}

	return c
}

// eventually waits until something succeeds: an API server heeds rights a moment after
// they were given.
func eventually(t *testing.T, do func() error) {
	t.Helper()

	var last error

	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
		last = do()

		return last == nil || !kerrors.IsForbidden(last), nil
	})
	if err != nil || last != nil {
		t.Fatal(last)
	}
}

func updates(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error { return c.Update(ctx, copyOf(o), client.DryRunAll) }
}

func getsAll(objs ...client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		for _, o := range objs {
			if err := gets(o)(ctx, c); err != nil {
				return err
			}
		}

		return nil
	}
}

// updatesFresh tries to update what it reads.
func updatesFresh(o client.Object) func(context.Context, client.Client) error {
	return func(ctx context.Context, c client.Client) error {
		fresh := copyOf(o)
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), fresh); err != nil {
			return err
		}

		return c.Update(ctx, fresh, client.DryRunAll)
	}
}
