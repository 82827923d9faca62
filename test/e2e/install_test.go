//go:build linux && e2e

package e2e

import (
	"context"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestInstall installs one Configuration on an empty Konflux cluster.
func TestInstall(t *testing.T) {
	for _, api := range []stack.API{stack.Claims, stack.Namespaced} {
		t.Run(string(api), func(t *testing.T) {
			reason := "A Configuration alone brings the API, the function and the provider, all from packages."

			s, err := stack.Start(t.Context(), stack.Options{API: api, Configuration: true, Out: testWriter{t}})
			if err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}
			defer s.Stop()

			l := life.New(s, "tenant-a", example("workflow"), testWriter{t})

			if err := l.Run(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}

			if err := l.Delete(t.Context()); err != nil {
				t.Fatalf("\n%s\n%v", reason, err)
			}
		})
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
