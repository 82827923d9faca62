package main

import (
	"maps"
	"slices"
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestCollision lets two Konflux clusters ask app.ci for the same name.
func TestCollision(t *testing.T) {
	a := newAppCI()
	first, second := newWorld(a, fromYAML(testXR)), newWorld(a, fromYAML(testXR))

	// The second cluster has the same tenant, and another name.
	second.cluster = "kflux-prd-rh02"

	first.settle(t)
	readyStep().do(first)
	first.settle(t)

	before := proto.Clone(a.clusters["cluster-abcde"])

	for range 5 {
		rsp := second.call(t)

		for name, r := range rsp.GetDesired().GetResources() {
			if p := listAt(r.GetResource(), "spec", "managementPolicies"); len(p) != 1 || p[0].GetStringValue() != "Observe" {
				t.Errorf("%s of the cluster that came second may write: %v", name, p)
			}
		}

		second.applyComposite(rsp)

		for name, r := range rsp.GetDesired().GetResources() {
			second.apply(name, r.GetResource())
		}
	}

	if !proto.Equal(before, a.clusters["cluster-abcde"]) {
		t.Errorf("The EphemeralCluster of the cluster that came first was changed: %v", a.clusters["cluster-abcde"])
	}

	if got := first.tenantHas(t); got != canary {
		t.Errorf("The tenant that came first must keep its kubeconfig, got: %q", got)
	}

	if got := second.tenantHas(t); got != "" {
		t.Errorf("The tenant that came second must get no kubeconfig, got: %q", got)
	}

	if got := stringAt(compositeFrom(second.xr).reported("Accepted"), "reason"); got != "NotOurs" {
		t.Errorf("The claim that came second must say so, got: %q", got)
	}
}

// TestTakeover lets the function take over what an earlier Composition has made.
func TestTakeover(t *testing.T) {
	w := newWorld(newAppCI(), set(fromYAML(testXR), fromYAML("{}"), "spec", "ciOperator", "resources"))
	w.settle(t)
	readyStep().do(w)
	w.settle(t)

	// As it was made: with an empty value, and a query in other words.
	ec := w.objects["ec"].GetResource()
	ec = set(ec, fromYAML("{}"), "spec", "forProvider", "manifest", "spec", "ciOperator", "resources")
	ec = set(ec, `object.status.conditions.exists(x, x.type == "ClusterReady" && x.status == "True")`, "spec", "readiness", "celQuery")
	w.objects["ec"].Resource = ec

	rsp := w.call(t)
	if diff := cmp.Diff(structAt(ec, "spec").AsMap(), structAt(rsp.GetDesired().GetResources()["ec"].GetResource(), "spec").AsMap()); diff != "" {
		t.Errorf("The spec of a live cluster's Object must not change: -before, +after:\n%s", diff)
	}

	if rsp.GetDesired().GetComposite().GetReady() != fnv1.Ready_READY_TRUE {
		t.Error("A composite that was ready must stay ready.")
	}
}

// TestCorrection corrects the Konflux cluster's name while clusters live.
func TestCorrection(t *testing.T) {
	for name, xr := range map[string]*structpb.Struct{"Claim": fromYAML(testXR), "Namespaced": namespacedXR()} {
		t.Run(name, func(t *testing.T) {
			a := newAppCI()
			w := newWorld(a, xr)
			w.settle(t)
			readyStep().do(w)
			w.settle(t)

			before := proto.CloneOf(a.clusters[ecName(w)])
			w.cluster = "stone-stg-rh02"

			w.xr = set(w.xr, true, "spec", "tearDownCluster")
			w.settle(t)

			want := set(before, true, "spec", "tearDownCluster")
			if diff := cmp.Diff(want.AsMap(), a.clusters[ecName(w)].AsMap()); diff != "" {
				t.Errorf("What lives must take edits, and nothing else may change: -want, +got:\n%s", diff)
			}

			if got := w.tenantHas(t); got != canary {
				t.Errorf("The tenant must keep its kubeconfig, got: %q", got)
			}

			// The Object is lost, and made again.
			delete(w.objects, "ec")
			w.settle(t)

			if diff := cmp.Diff(want.AsMap(), a.clusters[ecName(w)].AsMap()); diff != "" {
				t.Errorf("An Object that was made again must find its cluster: -want, +got:\n%s", diff)
			}

			if p := listAt(w.objects["ec"].GetResource(), "spec", "managementPolicies"); p[0].GetStringValue() != "*" {
				t.Errorf("It must be able to end it, got: %v", p)
			}
		})
	}
}

// TestMoveSecret renames the Secret of a live namespaced composite, and upgrades from a
// function that composed it.
func TestMoveSecret(t *testing.T) {
	cases := map[string]struct {
		reason string
		do     func(t *testing.T, w *world)
		want   []string
	}{
		"Renamed": {
			reason: "No copy stays under the former name.",
			do:     func(_ *testing.T, w *world) { w.xr = set(w.xr, "mine", "spec", "writeConnectionSecretToRef", "name") },
			want:   []string{"mine"},
		},
		"RenamedTwice": {
			reason: "Nor does one that was never written.",
			do: func(t *testing.T, w *world) {
				t.Helper()

				w.appCI.down = "observe failed: cannot get object: Unauthorized"
				w.xr = set(w.xr, "mine", "spec", "writeConnectionSecretToRef", "name")
				w.pass(t)
				w.appCI.down = ""
				w.xr = set(w.xr, "other", "spec", "writeConnectionSecretToRef", "name")
			},
			want: []string{"other"},
		},
		"Upgraded": {
			reason: "What was composed becomes the provider's.",
			do: func(_ *testing.T, w *world) {
				key := credentialsKey("cluster-kubeconfig")
				o := w.objects[key].GetResource()
				w.collect(key, o)

				o = set(set(o, "credentials-"+ecName(w), "metadata", "name"), "credentials-"+ecName(w), "spec", "writeConnectionSecretToRef", "name")
				w.objects["credentials"] = &fnv1.Resource{Resource: o}
				w.write(o, w.appCI.secrets[ecName(w)+"-credentials"])
				w.compose("connection-secret", set(w.secrets["credentials-"+ecName(w)], "cluster-kubeconfig", "metadata", "name"))
			},
			want: []string{"cluster-kubeconfig"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(newAppCI(), namespacedXR())
			w.settle(t)
			readyStep().do(w)
			w.settle(t)
			tc.do(t, w)
			w.settle(t)

			if diff := cmp.Diff(tc.want, slices.Sorted(maps.Keys(w.secrets))); diff != "" {
				t.Errorf("%s\nSecrets: -want, +got:\n%s", tc.reason, diff)
			}

			if got := w.tenantHas(t); got != canary {
				t.Errorf("%s\nThe tenant must have the kubeconfig, got: %q", tc.reason, got)
			}
		})
	}
}

// TestReplacedSecret lets the tenant of a namespaced composite put a Secret of its own in
// the place of the one with the credentials.
func TestReplacedSecret(t *testing.T) {
	w := newWorld(newAppCI(), namespacedXR())
	w.settle(t)
	readyStep().do(w)
	w.settle(t)

	w.secrets["cluster-kubeconfig"] = fromYAML("{apiVersion: v1, kind: Secret, type: Opaque, metadata: {name: cluster-kubeconfig}, data: {kubeconfig: bWluZQ==}}")
	w.xr = set(w.xr, true, "spec", "tearDownCluster")
	w.settle(t)

	if torn, _ := boolAt(w.appCI.clusters[ecName(w)], "spec", "tearDownCluster"); !torn {
		t.Error("The tear-down must reach app.ci.")
	}

	if got := stringAt(compositeFrom(w.xr).reported("CredentialsPublished"), "reason"); got != "NotOurs" {
		t.Errorf("The composite must say whose the Secret is, got: %q", got)
	}

	if got := stringAt(w.secrets["cluster-kubeconfig"], "data", "kubeconfig"); got != "bWluZQ==" {
		t.Errorf("The tenant's Secret must be left alone, got: %q", got)
	}
}
