//go:build linux && e2e

package e2e

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestInstall installs one Configuration on an empty Konflux cluster. With it, the same
// manifest lives the same life as a claim and as a namespaced composite of Crossplane 2.
func TestInstall(t *testing.T) {
	t.Parallel()

	for _, api := range []stack.API{stack.Claims, stack.Namespaced} {
		t.Run(string(api), func(t *testing.T) {
			parallel(t, stacks)

			reason := "A Configuration alone brings the API, the function and the provider, all from packages."

			s, err := stack.Start(t.Context(), stack.Options{API: api, Configuration: true, Out: testWriter{t}, Debug: true, Canary: canary})
			if err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}
			defer s.Stop()

			runAsTold(t, s)

			l := life.New(s, "tenant-a", example("workflow"), testWriter{t})

			if err := l.Run(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}

			installed(t, s)

			if err := holdsNoCanary(t.Context(), s, l); err != nil {
				t.Errorf("\n%s\n%v", reason, err)
			}

			if err := l.Delete(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}

			// TestMain does this for the shared stack, after the last test.
			if n, err := searchLogs(s); err != nil {
				t.Errorf("\n%s\nin %d logs: %v", reason, n, err)
			}
		})
	}
}

// runAsTold makes sure that what a Configuration has brought runs as what is applied beside it
// says, and not as any dependency does.
func runAsTold(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "As any dependency runs, the provider would put kubeconfigs into the status of Objects, and OpenShift would refuse both."

	functions, providers := &pkgv1.FunctionList{}, &pkgv1.ProviderList{}
	if err := errors.Join(s.Konflux.List(t.Context(), functions), s.Konflux.List(t.Context(), providers)); err != nil {
		t.Fatal(err)
	}

	got := map[string]*pkgv1beta1.DeploymentRuntimeConfig{}

	packages := make([]pkgv1.PackageWithRuntime, 0, len(functions.Items)+len(providers.Items))
	for i := range functions.Items {
		packages = append(packages, &functions.Items[i])
	}

	for i := range providers.Items {
		packages = append(packages, &providers.Items[i])
	}

	for _, p := range packages {
		c, err := s.RuntimeOf(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}

		got[c.GetName()] = c
	}

	want := []string{v1alpha1.FunctionName, konflux.ProviderRuntime}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("\n%s\n-want, +got:\n%s", reason, diff)
	}

	args := got[konflux.ProviderRuntime].Spec.DeploymentTemplate.Spec.Template.Spec.Containers[0].Args
	if diff := cmp.Diff([]string{"--sanitize-secrets", "--enable-watches"}, args); diff != "" {
		t.Errorf("\n%s\n-want, +got:\n%s", reason, diff)
	}
}

// installed makes sure that what a Configuration has brought runs as it should, and stays.
func installed(t *testing.T, s *stack.Stack) {
	t.Helper()

	reason := "Whoever takes away the Configuration, or what it has brought, takes away all clusters."
	configuration := xpkg.ConfigurationName(xpkg.API(s.API))

	keeps(t, s, reason, &pkgv1.Configuration{ObjectMeta: metav1.ObjectMeta{Name: configuration}})
	keeps(t, s, reason, &xpextv1.CompositeResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: konflux.DefinitionName(environments.Mode(s.API))}})

	functions, providers := &pkgv1.FunctionList{}, &pkgv1.ProviderList{}
	if err := errors.Join(s.Konflux.List(t.Context(), functions), s.Konflux.List(t.Context(), providers)); err != nil {
		t.Fatal(err)
	}

	if len(functions.Items) != 1 || len(providers.Items) != 1 {
		t.Fatalf("\n%s\nwant one Function and one Provider, got %d and %d", reason, len(functions.Items), len(providers.Items))
	}

	keeps(t, s, reason, &functions.Items[0])
	keeps(t, s, reason, &providers.Items[0])
}

// TestUninstall tries to take away what clusters live by.
func TestUninstall(t *testing.T) {
	parallel(t, lives)

	cases := map[string]struct {
		reason string
		object client.Object
	}{
		"XRD": {
			reason: "Without the XRD all clusters would end at once.",
			object: &xpextv1.CompositeResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.CompositePlural + "." + v1alpha1.Group}},
		},
		"Function": {
			reason: "Without the function none could be told to end.",
			object: &pkgv1.Function{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.FunctionName}},
		},
		"Provider": {
			reason: "Without the provider nothing would get to app.ci.",
			object: &pkgv1.Provider{ObjectMeta: metav1.ObjectMeta{Name: "provider-kubernetes"}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			keeps(t, shared, tc.reason, tc.object)
		})
	}
}

// keeps makes sure that an object cannot be deleted.
func keeps(t *testing.T, s *stack.Stack, reason string, o client.Object) {
	t.Helper()

	// It is refused once Crossplane has seen that it is in use.
	var err error

	if !eventually(time.Minute, func() bool {
		err = s.Konflux.Delete(t.Context(), o, client.DryRunAll)

		return err != nil && strings.Contains(err.Error(), "clusters live by it")
	}) {
		t.Errorf("\n%s\nwant the deletion of %T %s refused, and told why, got: %v", reason, o, o.GetName(), err)
	}
}

// TestConfiguration installs one Configuration, and upgrades the cluster to its next
// version and back while there is a cluster in use.
func TestConfiguration(t *testing.T) {
	cases := map[string]struct {
		reason  string
		options stack.Options

		// deploy is what a platform engineer does.
		deploy func(ctx context.Context, s *stack.Stack, r stack.Release) error
	}{
		"InTwo": {
			reason:  "Crossplane leaves the function as it is: it is upgraded first, and then the rest.",
			options: stack.Options{API: stack.Claims, Configuration: true},
			deploy: func(ctx context.Context, s *stack.Stack, r stack.Release) error {
				return errors.Join(s.ApplyFunction(ctx, r), s.RunFunction(ctx, r), s.ApplyConfiguration(ctx, r))
			},
		},
		"InOne": {
			reason:  "Where Crossplane may change the versions of dependencies, the Configuration brings its function with it.",
			options: stack.Options{API: stack.Namespaced, Configuration: true, UpgradeDependencies: true},
			deploy: func(ctx context.Context, s *stack.Stack, r stack.Release) error {
				return errors.Join(s.ApplyConfiguration(ctx, r), s.RunFunction(ctx, r))
			},
		},
	}

	checkout, withField := nextCheckout(t), exampleClaim(t, "workflow")
	setField(t, withField)

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			tc.options.Out = testWriter{t}

			s, err := stack.Start(ctx, tc.options)
			if err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}
			defer s.Stop()

			next, err := s.Release(ctx, checkout, "v0.0.2-stack")
			if err != nil {
				t.Fatal(err)
			}

			// app.ci is upgraded before any Konflux cluster is.
			if err := s.DeployAppCI(ctx, next); err != nil {
				t.Fatal(err)
			}

			l := life.New(s, "tenant-a", example("workflow"), testWriter{t})
			if err := l.RunTo(ctx, 11); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			before := l.EphemeralCluster().GetUID()

			for _, r := range []stack.Release{next, s.Released()} {
				if err := errors.Join(tc.deploy(ctx, s, r), s.AwaitConfiguration(ctx, r)); err != nil {
					t.Fatalf("\n%s\n%s: %v", tc.reason, r.Version, err)
				}

				if err := awaitField(ctx, s, withField, r == next); err != nil {
					t.Errorf("\n%s\n%s: %v", tc.reason, r.Version, err)
				}
			}

			// The cluster's own end shows that it was in working order.
			if err := l.Run(ctx); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}

			if diff := cmp.Diff(before, l.EphemeralCluster().GetUID()); diff != "" {
				t.Errorf("\n%s\nthe cluster: -before, +after:\n%s", tc.reason, diff)
			}

			if err := l.Delete(ctx); err != nil {
				t.Fatalf("\n%s\n%v", tc.reason, err)
			}
		})
	}
}
