//go:build linux && e2e

package e2e

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// TestUpgrade upgrades the function, and the API by a field, and rolls both back,
// while there is a cluster in every phase.
func TestUpgrade(t *testing.T) {
	reason := "Neither an upgrade nor a rollback loses a cluster, or makes one anew."
	ctx := t.Context()

	current, err := shared.ReleaseFunction(ctx, "v0.0.1-stack")
	if err != nil {
		t.Fatal(err)
	}

	next, err := shared.ReleaseFunction(ctx, "v0.0.2-stack")
	if err != nil {
		t.Fatal(err)
	}

	if current.Digest == next.Digest {
		t.Fatalf("\n%s\nboth versions are the same, so this test shows nothing", reason)
	}

	upgraded := copyCheckout(t)
	addField(t, upgraded)
	generate(ctx, t, upgraded)

	deploy(ctx, t, reason, current)

	fleet := newFleet(ctx, t, reason)
	before := identities(ctx, t, fleet)
	writes := len(lasting(t))

	t.Cleanup(func() {
		if err := upgradeAPI(context.Background(), shared.Root()); err != nil {
			t.Error(err)
		}
	})

	if err := upgradeAPI(ctx, upgraded); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deploy(ctx, t, reason, next)
	served(ctx, t, reason, next, fleet)

	if diff := cmp.Diff(before, identities(ctx, t, fleet)); diff != "" {
		t.Errorf("\n%s\nafter the upgrade: -before, +after:\n%s", reason, diff)
	}

	// One cluster goes on under the new version.
	if err := fleet["ready"].Run(ctx); err != nil {
		t.Fatalf("\n%s\nafter the upgrade: %v", reason, err)
	}

	// Whoever has asked for what only the new one knows would be in the way of this.
	if err := upgradeAPI(ctx, shared.Root()); err != nil {
		t.Fatalf("\n%s\n%v", reason, err)
	}

	deploy(ctx, t, reason, current)
	served(ctx, t, reason, current, fleet)

	if diff := cmp.Diff(before, identities(ctx, t, fleet)); diff != "" {
		t.Errorf("\n%s\nafter the rollback: -before, +after:\n%s", reason, diff)
	}

	if diff := cmp.Diff([]string{}, lasting(t)[writes:]); diff != "" {
		t.Errorf("\n%s\ncreated or deleted on app.ci meanwhile: -want, +got:\n%s", reason, diff)
	}

	for name, l := range fleet {
		if err := l.Run(ctx); err != nil {
			t.Fatalf("\n%s\n%s, after the rollback: %v", reason, name, err)
		}

		if err := l.Delete(ctx); err != nil {
			t.Fatalf("\n%s\n%s: %v", reason, name, err)
		}
	}
}

func deploy(ctx context.Context, t *testing.T, reason string, r stack.FunctionRelease) {
	t.Helper()

	if err := shared.DeployFunction(ctx, r); err != nil {
		t.Fatalf("\n%s\n%s: %v", reason, r.Version, err)
	}
}

// newFleet returns lives in each phase, by its name. The first and the last take long
// enough to be in it still when everything else has happened.
func newFleet(ctx context.Context, t *testing.T, reason string) map[string]*life.Life {
	t.Helper()

	fleet := map[string]*life.Life{}

	for _, c := range []struct {
		phase string
		env   map[string]string
		step  int
	}{
		{"deprovisioned", nil, life.Steps},
		{"ready", nil, 11},
		{"deprovisioning", map[string]string{"STANDIN_DEPROVISION_DELAY": "80s"}, 15},
		{"provisioning", map[string]string{"STANDIN_PROVISION_DELAY": "80s"}, 6},
	} {
		env := c.env
		if env == nil {
			env = map[string]string{"COMPUTE_NODE_REPLICAS": "2"}
		}

		l := life.New(shared, "tenant-a", claimWith(t, "upgrade-"+c.phase, env), io.Discard)
		if err := l.RunTo(ctx, c.step); err != nil {
			t.Fatalf("\n%s\n%s: %v", reason, c.phase, err)
		}

		fleet[c.phase] = l
	}

	return fleet
}

// identities are what each cluster is on app.ci, by phase.
func identities(ctx context.Context, t *testing.T, fleet map[string]*life.Life) map[string]types.UID {
	t.Helper()

	out := map[string]types.UID{}

	for name, l := range fleet {
		ec := &apiv1.EphemeralCluster{}
		if err := shared.AppCI.Get(ctx, client.ObjectKeyFromObject(l.EphemeralCluster()), ec); err != nil {
			t.Fatal(err)
		}

		out[name] = ec.GetUID()
	}

	return out
}

// lasting lists what provider-kubernetes has created and deleted on app.ci.
func lasting(t *testing.T) []string {
	t.Helper()

	var out []string

	events, err := shared.AppCI.Writes()
	if err != nil {
		t.Fatal(err)
	}

	for _, e := range events {
		// A server-side apply that creates is a patch that is answered so.
		const created = 201

		if e.User.Username == shared.ProviderUser() && (e.Verb == "delete" || e.ResponseStatus.Code == created) {
			out = append(out, e.Verb+" "+e.RequestURI)
		}
	}

	return out
}

// served makes Crossplane look at every cluster, and waits until a version of the
// function has answered for as many.
func served(ctx context.Context, t *testing.T, reason string, r stack.FunctionRelease, fleet map[string]*life.Life) {
	t.Helper()

	look := client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"annotations": {"upgrade": "`+r.Version+`"}}}`))

	for _, l := range fleet {
		if err := shared.Konflux.Patch(ctx, l.Claim().DeepCopy(), look); err != nil {
			t.Fatal(err)
		}
	}

	if !eventually(2*time.Minute, func() bool { return lines(t, stack.ComponentFunction+"-"+r.Version, "running function") >= len(fleet) }) {
		t.Fatalf("\n%s\n%s has not answered for all clusters", reason, r.Version)
	}
}

// TestUninstall tries to take away what clusters live by.
func TestUninstall(t *testing.T) {
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
			err := shared.Konflux.Delete(t.Context(), tc.object, client.DryRunAll)
			if err == nil || !strings.Contains(err.Error(), "clusters live by it") {
				t.Errorf("\n%s\nwant it refused, and told why, got: %v", tc.reason, err)
			}
		})
	}
}

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
