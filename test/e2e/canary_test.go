//go:build linux && e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// disguises are the forms that the canary takes when what holds it is encoded.
func disguises() map[string][]byte {
	escaped, err := json.Marshal(canary)
	if err != nil {
		panic(err)
	}

	forms := map[string][]byte{
		"raw":          []byte(canary),
		"JSON-escaped": bytes.Trim(escaped, `"`),
	}

	// Base64 encodes three bytes at a time, so there is a form for each offset. The
	// characters at the ends also depend on the neighbours and are left out.
	for offset, form := range []string{"base64", "base64, offset 1", "base64, offset 2"} {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, offset), canary...))
		forms[form] = []byte(encoded[4 : len(encoded)-4])
	}

	return forms
}

// findCanary names the form in which bytes hold the canary.
func findCanary(b []byte) (string, bool) {
	for name, form := range disguises() {
		if bytes.Contains(b, form) {
			return name, true
		}
	}

	return "", false
}

func TestDisguises(t *testing.T) {
	reason := "What hides the canary is recognised, whatever is before and behind it."

	for offset := range 3 {
		text := append(make([]byte, offset), "client: "+canary+" is here"...)

		asJSON, err := json.Marshal(string(text))
		if err != nil {
			t.Fatal(err)
		}

		for name, b := range map[string][]byte{"raw": text, "JSON": asJSON, "base64": []byte(base64.StdEncoding.EncodeToString(text))} {
			if _, ok := findCanary(b); !ok {
				t.Errorf("\n%s\nnot found in %s at offset %d", reason, name, offset)
			}
		}
	}
}

// searchLogs looks for the canary in every log of a stack, and returns how many there
// are. The stack is to have been started with Debug and the canary.
func searchLogs(s *stack.Stack) (int, error) {
	var errs []error

	logs := 0

	err := filepath.WalkDir(s.Path(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".log" {
			return ignoreGone(err)
		}

		b, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return ignoreGone(err)
		}

		logs++

		if form, found := findCanary(b); found {
			errs = append(errs, errors.Errorf("%s holds the canary (%s)", path, form))
		}

		return nil
	})

	for _, component := range []string{stack.ComponentCrossplane, stack.ComponentFunction, stack.ComponentProvider, stack.ComponentProw, stack.ComponentReconciler, stack.ComponentStandIn} {
		info, err := os.Stat(filepath.Join(s.Logs(), component+".log"))
		if err != nil || info.Size() == 0 {
			errs = append(errs, errors.Errorf("%s has logged nothing, so this search shows nothing (%v)", component, err))
		}
	}

	return logs, errors.Join(append(errs, errors.Wrap(err, "cannot search the logs"))...)
}

// ignoreGone is for files that a running stack removes meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}

// holdsNoCanary looks for the canary in everything on both clusters that more
// people can read than may have the credential, and makes sure that it is in the
// Secrets that it belongs in.
func holdsNoCanary(ctx context.Context, s *stack.Stack, l *life.Life) error {
	kubeconfig, err := os.ReadFile(l.Kubeconfig())
	if err != nil {
		return errors.Wrap(err, "cannot read the tenant's kubeconfig")
	}

	if _, found := findCanary(kubeconfig); !found {
		return errors.New("the tenant's kubeconfig does not hold the canary, so this test shows nothing")
	}

	secret := &corev1.Secret{}
	if err := s.AppCI.Get(ctx, types.NamespacedName{Namespace: apiv1.DefaultNamespace, Name: l.EphemeralCluster().Status.SecretRef}, secret); err != nil {
		return errors.Wrap(err, "cannot get the published Secret")
	}

	for _, where := range []struct {
		cluster *stack.Cluster
		gvk     schema.GroupVersionKind
	}{
		{s.Konflux, schema.GroupVersionKind{Group: "kubernetes.crossplane.io", Version: "v1alpha2", Kind: "Object"}},
		{s.Konflux, schema.GroupVersionKind{Group: "kubernetes.m.crossplane.io", Version: "v1alpha1", Kind: "Object"}},
		{s.Konflux, schema.GroupVersionKind{Group: "ci.openshift.org", Version: "v1alpha1", Kind: "TestPlatformCluster"}},
		{s.Konflux, schema.GroupVersionKind{Group: "ci.openshift.org", Version: "v1alpha1", Kind: "XTestPlatformCluster"}},
		{s.Konflux, schema.GroupVersionKind{Version: "v1", Kind: "Event"}},
		{s.AppCI, schema.GroupVersionKind{Group: "ci.openshift.io", Version: "v1", Kind: "EphemeralCluster"}},
		{s.AppCI, schema.GroupVersionKind{Group: "prow.k8s.io", Version: "v1", Kind: "ProwJob"}},
		{s.AppCI, schema.GroupVersionKind{Version: "v1", Kind: "Event"}},
		{s.Build01, schema.GroupVersionKind{Version: "v1", Kind: "Pod"}},
		{s.Build01, schema.GroupVersionKind{Version: "v1", Kind: "Event"}},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(where.gvk)

		err := where.cluster.List(ctx, list)
		if meta.IsNoMatchError(err) && s.API == stack.Namespaced {
			// There is no composite behind a namespaced one.
			continue
		}

		if err != nil {
			return errors.Wrapf(err, "cannot list %s", where.gvk.Kind)
		}

		b, err := list.MarshalJSON()
		if err != nil {
			return errors.Wrapf(err, "cannot encode %s", where.gvk.Kind)
		}

		if form, found := findCanary(b); found {
			return errors.Errorf("a %s of %s holds the canary (%s)", where.gvk.Kind, where.cluster.Name, form)
		}
	}

	return nil
}

func clientKey(l *life.Life) client.ObjectKey {
	return client.ObjectKeyFromObject(l.EphemeralCluster())
}
