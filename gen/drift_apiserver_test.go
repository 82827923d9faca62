package main

import (
	"os"
	"strings"
	"testing"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/apiserver"
)

// TestDriftOnAPIServers runs the program against two API servers, through what
// happens to a Konflux cluster.
func TestDriftOnAPIServers(t *testing.T) {
	if os.Getenv(apiserver.Assets) == "" {
		t.Skipf("%s does not say where kube-apiserver and etcd are", apiserver.Assets)
	}

	const (
		claims     = "xtestplatformclusters.ci.openshift.org"
		namespaced = "testplatformclusters.ci.openshift.org"
	)

	konflux, env := startClusters(t)
	args := func(more ...string) []string {
		return append([]string{"drift", "--konflux", "konflux", "--app-ci", "app.ci"}, more...)
	}

	relative := "v1alpha1 spec.ciOperator.releases.*.release.relative: pruned on the Konflux cluster: there is no such field"

	steps := []struct {
		reason string
		before func(t *testing.T)
		args   []string
		code   int

		// stdout is what is printed, and stderr part of it.
		stdout, stderr string
	}{
		{
			reason: "The XRDs of this checkout are those that the CRD on app.ci makes, however a cluster writes it.",
			args:   []string{"xrd", "--check", "--context=app.ci"},
		},
		{
			reason: "Without an XRD it cannot tell.",
			args:   args(), code: 2,
			stderr: "there is no XRD " + claims + " and no XRD " + namespaced,
		},
		{
			reason: "An XRD that Crossplane does not serve is none that tenants have.",
			before: func(t *testing.T) { t.Helper(); konflux.create(t, generated(t, xrd.Claims)) },
			args:   args(), code: 2,
			stderr: "cannot tell all: Konflux cluster: Crossplane does not serve XRD",
		},
		{
			reason: "Fields that Crossplane adds to what it serves are no drift.",
			before: func(t *testing.T) { t.Helper(); konflux.serve(t, generated(t, xrd.Claims)) },
			args:   args("--output", "json"),
			stdout: "[]\n",
		},
		{
			reason: "A field that the XRD has lost is named.",
			before: func(t *testing.T) {
				t.Helper()

				x := &xv1.CompositeResourceDefinition{}
				if err := konflux.client.Get(t.Context(), client.ObjectKey{Name: claims}, x); err != nil {
					t.Fatal(err)
				}

				if err := konflux.client.Update(t.Context(), withoutRelative(t, x)); err != nil {
					t.Fatal(err)
				}
			},
			args: args(), code: 1,
			stdout: relative + "\n",
			stderr: "drift: what XRD",
		},
		{
			reason: "Also once Crossplane serves it so.",
			before: func(t *testing.T) {
				t.Helper()
				konflux.serve(t, withoutRelative(t, generated(t, xrd.Claims)))
			},
			args: args(), code: 1,
			stdout: relative + "\n",
			stderr: "drift: what XRD",
		},
		{
			reason: "Two XRDs are one too many.",
			before: func(t *testing.T) {
				t.Helper()

				v2, err := xrd.ToV2(generated(t, xrd.Namespaced))
				if err != nil {
					t.Fatal(err)
				}

				konflux.create(t, v2)
			},
			args: args(), code: 2,
			stderr: "name one with --xrd",
		},
		{
			reason: "The one of namespaced composites is as good, but not what Crossplane serves here.",
			args:   args("--xrd", namespaced, "--settle", "0s"), code: 1,
			stdout: relative + ", in the CRD that Crossplane serves\n",
			stderr: "drift: what XRD",
		},
		{
			reason: "Alone it needs no choosing.",
			before: func(t *testing.T) {
				t.Helper()

				x := &xv1.CompositeResourceDefinition{}
				x.SetName(claims)

				if err := konflux.client.Delete(t.Context(), x); err != nil {
					t.Fatal(err)
				}

				konflux.serve(t, generated(t, xrd.Namespaced))
			},
			args:   args(),
			stdout: `no drift: XRD "` + namespaced + "\" on konflux offers what the CRD on app.ci takes\n",
		},
		{
			reason: "A version that is not there cannot be compared.",
			args:   args("--versions", "v1=v1beta1"), code: 2,
			stderr: `version "v1beta1" is not served by the Konflux cluster`,
		},
		{
			reason: "Who may not read the CRD cannot tell.",
			args:   []string{"drift", "--konflux", "konflux", "--app-ci", "app.ci-nobody"}, code: 2,
			stderr: `User "nobody" cannot get resource "customresourcedefinitions"`,
		},
		{
			reason: "Nor who may not read the XRD.",
			args:   []string{"drift", "--konflux", "konflux-nobody", "--app-ci", "app.ci"}, code: 2,
			stderr: `User "nobody" cannot get resource "compositeresourcedefinitions"`,
		},
		{
			reason: "A cluster out of reach is not one without drift.",
			args:   []string{"drift", "--konflux", "nowhere", "--app-ci", "app.ci"}, code: 2,
			stderr: "connection refused",
		},
		{
			reason: "Neither is one that the kubeconfig does not have.",
			args:   []string{"drift", "--konflux", "unknown", "--app-ci", "app.ci"}, code: 2,
			stderr: `context "unknown" does not exist`,
		},
	}

	for _, s := range steps {
		if s.before != nil {
			s.before(t)
		}

		got := gen(t, env, s.args...)

		if diff := cmp.Diff(ran{Code: s.code, Stdout: s.stdout, Stderr: got.Stderr}, got); diff != "" || !strings.Contains(got.Stderr, s.stderr) || (s.stderr == "") != (got.Stderr == "") {
			t.Errorf("%s\ngen %v: want %q on stderr, got %q, -want, +got:\n%s", s.reason, s.args, s.stderr, got.Stderr, diff)
		}
	}
}
