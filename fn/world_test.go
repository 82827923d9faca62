package main

import (
	"encoding/base64"
	"maps"
	"slices"
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
)

// An appCI plays app.ci, which several worlds may share.
type appCI struct {
	clusters map[string]*structpb.Struct
	secrets  map[string]map[string][]byte
}

func newAppCI() *appCI {
	return &appCI{clusters: map[string]*structpb.Struct{}, secrets: map[string]map[string][]byte{}}
}

// report sets the status of an EphemeralCluster.
func (a *appCI) report(name, status string) {
	a.clusters[name] = set(a.clusters[name], fromYAML(status), "status")
}

// A world plays one composite's part of Crossplane, and provider-kubernetes. What
// the function desires in one pass is what it observes in the next.
type world struct {
	appCI       *appCI
	xr          *structpb.Struct
	environment bool
	input       *structpb.Struct
	objects     map[string]*fnv1.Resource
	secrets     map[string]*structpb.Struct
	published   map[string][]byte
}

func newWorld(a *appCI, xr *structpb.Struct) *world {
	return &world{
		appCI: a, xr: xr, environment: true,
		objects: map[string]*fnv1.Resource{}, secrets: map[string]*structpb.Struct{},
	}
}

func (w *world) request() *fnv1.RunFunctionRequest {
	req := requestOf(w.xr)
	if !w.environment {
		withoutEnvironment()(req)
	}

	req.Input = w.input
	req.Observed.Composite.ConnectionDetails = w.published

	maps.Copy(req.GetObserved().GetResources(), w.objects)

	return proto.CloneOf(req)
}

// call calls the function as Crossplane does: again, as long as it requires more.
func (w *world) call(t *testing.T) *fnv1.RunFunctionResponse {
	t.Helper()

	req := w.request()
	rsp := run(t, req)

	for name, s := range rsp.GetRequirements().GetResources() {
		if s.GetKind() != "Secret" {
			continue
		}

		answer := &fnv1.Resources{}
		if found, ok := w.secrets[s.GetMatchName()]; ok {
			answer.Items = []*fnv1.Resource{{Resource: found}}
		}

		req.RequiredResources[name] = answer
	}

	again := proto.CloneOf(req)
	rsp = run(t, req)

	if diff := cmp.Diff(rsp, run(t, again), protocmp.Transform()); diff != "" {
		t.Errorf("Equal requests must have equal answers: -first, +second:\n%s", diff)
	}

	return rsp
}

// pass calls the function once and lets Crossplane and the provider act on it.
func (w *world) pass(t *testing.T) *fnv1.RunFunctionResponse {
	t.Helper()

	rsp := w.call(t)
	if slices.ContainsFunc(rsp.GetResults(), func(r *fnv1.Result) bool { return r.GetSeverity() == fnv1.Severity_SEVERITY_FATAL }) {
		return rsp
	}

	for name := range w.objects {
		if _, ok := rsp.GetDesired().GetResources()[name]; !ok {
			t.Errorf("%s was observed and must be desired again", name)
		}
	}

	w.applyComposite(rsp)

	for name, r := range rsp.GetDesired().GetResources() {
		w.apply(name, r.GetResource())
	}

	return rsp
}

// settle passes until nothing changes, and returns every answer that differs from
// the one before.
func (w *world) settle(t *testing.T) []*fnv1.RunFunctionResponse {
	t.Helper()

	out := []*fnv1.RunFunctionResponse{}

	for range 10 {
		rsp := w.pass(t)
		if len(out) > 0 && proto.Equal(out[len(out)-1], rsp) {
			if len(rsp.GetResults()) > 0 && rsp.GetResults()[0].GetSeverity() != fnv1.Severity_SEVERITY_FATAL {
				t.Errorf("A steady state must have no results, got: %v", rsp.GetResults())
			}

			return out
		}

		out = append(out, rsp)
	}

	t.Fatal("The answers do not settle.")

	return out
}

func (w *world) applyComposite(rsp *fnv1.RunFunctionResponse) {
	byType := map[string]map[string]any{}
	types := []string{}

	keep := func(c map[string]any) {
		typ, _ := c["type"].(string)
		if _, ok := byType[typ]; !ok {
			types = append(types, typ)
		}

		byType[typ] = c
	}

	for _, v := range listAt(w.xr, "status", "conditions") {
		keep(v.GetStructValue().AsMap())
	}

	for _, c := range rsp.GetConditions() {
		status := map[fnv1.Status]string{statusTrue: "True", statusFalse: "False", statusUnknown: "Unknown"}[c.GetStatus()]
		keep(map[string]any{"type": c.GetType(), "status": status, "reason": c.GetReason(), "message": c.GetMessage()})
	}

	status := structAt(rsp.GetDesired().GetComposite().GetResource(), "status")
	if status == nil {
		status = &structpb.Struct{}
	}

	w.xr = set(w.xr, status, "status")

	conditions := make([]any, 0, len(types))
	for _, typ := range types {
		conditions = append(conditions, byType[typ])
	}

	w.xr = set(w.xr, conditions, "status", "conditions")

	if d := rsp.GetDesired().GetComposite().GetConnectionDetails(); len(d) > 0 {
		w.published = d
	}
}

func (w *world) apply(name string, desired *structpb.Struct) {
	o := proto.CloneOf(desired)

	if stringAt(o, "kind") == "Secret" {
		o = set(o, []any{map[string]any{"controller": true, "uid": stringAt(w.xr, "metadata", "uid")}}, "metadata", "ownerReferences")
		w.secrets[stringAt(o, "metadata", "name")] = o
		w.objects[name] = &fnv1.Resource{Resource: o}

		return
	}

	r := &fnv1.Resource{Resource: o}
	if old := w.objects[name]; old != nil {
		r.ConnectionDetails = old.GetConnectionDetails()

		if status := structAt(old.GetResource(), "status"); status != nil {
			o = set(o, status, "status")
		}
	}

	r.Resource = w.provide(o, r)
	w.objects[name] = r
}

// provide does what provider-kubernetes does with an Object.
func (w *world) provide(o *structpb.Struct, r *fnv1.Resource) *structpb.Struct {
	manifest := structAt(o, "spec", "forProvider", "manifest")
	name := stringAt(manifest, "metadata", "name")

	if stringAt(manifest, "kind") == "Secret" {
		if data, ok := w.appCI.secrets[name]; ok {
			r.ConnectionDetails = data
		}

		return o
	}

	mayWrite := listAt(o, "spec", "managementPolicies")[0].GetStringValue() == "*"
	actual, ok := w.appCI.clusters[name]

	if !ok && !mayWrite {
		return notOnAppCI(o)
	}

	if mayWrite {
		// As server-side apply with force: what is asked for replaces what is there.
		applied := proto.CloneOf(manifest)
		if status := structAt(actual, "status"); status != nil {
			applied = set(applied, status, "status")
		}

		w.appCI.clusters[name] = applied
		actual = applied
	}

	return set(set(o, actual, "status", "atProvider", "manifest"), []any{map[string]any{"type": "Synced", "status": "True"}}, "status", "conditions")
}

// tenantHas returns the kubeconfig that the tenant can read.
func (w *world) tenantHas(t *testing.T) string {
	t.Helper()

	if s, ok := w.objects["connection-secret"]; ok {
		b, err := base64.StdEncoding.DecodeString(stringAt(s.GetResource(), "data", "kubeconfig"))
		if err != nil {
			t.Fatal(err)
		}

		return string(b)
	}

	return string(w.published["kubeconfig"])
}
