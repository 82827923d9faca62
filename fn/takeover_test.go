package main

import (
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

// TestCollision lets two Konflux clusters ask app.ci for the same name.
func TestCollision(t *testing.T) {
	a := newAppCI()
	first, second := newWorld(a, fromYAML(testXR)), newWorld(a, fromYAML(testXR))

	// The second cluster has the same tenant, and another name.
	other := func(w *world) *fnv1.RunFunctionRequest {
		req := w.request()
		req.RequiredResources[requirementEnvironment].Items[0].Resource = set(fromYAML(testEnvironment), "kflux-prd-rh02", "data", "clusterName")

		return req
	}

	first.settle(t)
	readyStep().do(first)
	first.settle(t)

	before := proto.Clone(a.clusters["cluster-abcde"])

	for range 5 {
		rsp := run(t, other(second))

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
