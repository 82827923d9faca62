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

// A world plays one composite's part of Crossplane, and provider-kubernetes. What
// the function desires in one pass is what it observes in the next.
type world struct {
	appCI       *appCI
	xr          *structpb.Struct
	environment bool

	// cluster is the name in the EnvironmentConfig, where it is not that of the fixtures.
	cluster string

	// claim is what the tenant of a claim has written, nil for nothing that is known.
	claim *structpb.Struct

	input     *structpb.Struct
	objects   map[string]*fnv1.Resource
	published map[string][]byte

	// secrets are those of the tenant's namespace.
	secrets map[string]*structpb.Struct
}

func newWorld(a *appCI, xr *structpb.Struct) *world {
	return &world{
		appCI: a, xr: xr, environment: true,
		objects: map[string]*fnv1.Resource{}, secrets: map[string]*structpb.Struct{},
		claim: fromYAML("{metadata: {name: cluster, uid: uid-of-claim}, spec: {writeConnectionSecretToRef: {name: cluster-secret}}}"),
	}
}

func (w *world) request() *fnv1.RunFunctionRequest {
	req := requestOf(w.xr)
	if !w.environment {
		withoutEnvironment()(req)
	}

	if w.environment && w.cluster != "" {
		req.RequiredResources[requirementEnvironment].Items[0].Resource = set(fromYAML(testEnvironment), w.cluster, "data", "clusterName")
	}

	req.Input = w.input
	req.Observed.Composite.ConnectionDetails = w.published

	for name, r := range w.objects {
		if observed := w.observe(r); observed != nil {
			req.Observed.Resources[name] = observed
		}
	}

	return proto.CloneOf(req)
}

// observe returns what Crossplane finds of a resource that it has composed. One that
// another controls is passed over, and one that nobody does must say what it is: else
// nothing is observed at all, and no function called.
func (w *world) observe(r *fnv1.Resource) *fnv1.Resource {
	if stringAt(r.GetResource(), "kind") == "Secret" {
		found, ok := w.secrets[stringAt(r.GetResource(), "metadata", "name")]

		switch {
		case !ok || controllerOf(found) != "" && controllerOf(found) != stringAt(w.xr, "metadata", "uid"):
			return nil
		case stringAt(found, "metadata", "annotations", "crossplane.io/composition-resource-name") == "":
			panic("encountered composed resource without required annotation")
		}

		return &fnv1.Resource{Resource: found}
	}

	out := &fnv1.Resource{Resource: r.GetResource(), ConnectionDetails: r.GetConnectionDetails()}

	// Crossplane reads the Secret of that name, whosever it is.
	if ref := structAt(r.GetResource(), "spec", "writeConnectionSecretToRef"); ref != nil && stringAt(ref, "namespace") == "" {
		out.ConnectionDetails = map[string][]byte{}

		for key, v := range structAt(w.secrets[stringAt(ref, "name")], "data").GetFields() {
			b, err := base64.StdEncoding.DecodeString(v.GetStringValue())
			if err != nil {
				panic(err)
			}

			out.ConnectionDetails[key] = b
		}
	}

	return out
}

func controllerOf(o *structpb.Struct) string {
	for _, v := range listAt(o, "metadata", "ownerReferences") {
		if controller, _ := boolAt(v.GetStructValue(), "controller"); controller {
			return stringAt(v.GetStructValue(), "uid")
		}
	}

	return ""
}

// call calls the function as Crossplane does: again, as long as it requires more.
func (w *world) call(t *testing.T) *fnv1.RunFunctionResponse {
	t.Helper()

	req := w.request()
	rsp := run(t, req)

	for range 5 {
		if !w.answer(req, rsp) {
			break
		}

		rsp = run(t, req)
	}

	again := proto.CloneOf(req)
	rsp = run(t, req)

	if diff := cmp.Diff(rsp, run(t, again), protocmp.Transform()); diff != "" {
		t.Errorf("Equal requests must have equal answers: -first, +second:\n%s", diff)
	}

	return rsp
}

// answer adds what a response requires to the request, and reports whether that was new.
func (w *world) answer(req *fnv1.RunFunctionRequest, rsp *fnv1.RunFunctionResponse) bool {
	more := false

	for name, s := range rsp.GetRequirements().GetResources() {
		if _, ok := req.GetRequiredResources()[name]; ok {
			continue
		}

		var found *structpb.Struct

		switch s.GetKind() {
		case "Secret":
			found = w.secrets[s.GetMatchName()]
		case "TestPlatformCluster":
			found = w.claim
		}

		req.RequiredResources[name], more = &fnv1.Resources{}, true
		if found != nil {
			req.RequiredResources[name].Items = []*fnv1.Resource{{Resource: found}}
		}
	}

	return more
}

// pass calls the function once and lets Crossplane and the provider act on it.
func (w *world) pass(t *testing.T) *fnv1.RunFunctionResponse {
	t.Helper()

	rsp := w.call(t)
	if slices.ContainsFunc(rsp.GetResults(), func(r *fnv1.Result) bool { return r.GetSeverity() == fnv1.Severity_SEVERITY_FATAL }) {
		return rsp
	}

	for name, r := range w.objects {
		if _, ok := rsp.GetDesired().GetResources()[name]; ok {
			continue
		}

		if name == resourceEC || stringAt(w.xr, "metadata", "namespace") == "" {
			t.Errorf("%s was observed and must be desired again", name)
		}

		w.collect(name, r.GetResource())
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

// collect deletes what is not desired any more, with what it owns.
func (w *world) collect(name string, o *structpb.Struct) {
	delete(w.objects, name)

	if stringAt(o, "kind") == "Secret" {
		delete(w.secrets, stringAt(o, "metadata", "name"))

		return
	}

	maps.DeleteFunc(w.secrets, func(_ string, s *structpb.Struct) bool { return controllerOf(s) == uidOf(o) })
}

func (w *world) apply(name string, desired *structpb.Struct) {
	o := proto.CloneOf(desired)

	if stringAt(o, "kind") == "Secret" {
		w.compose(name, o)

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

// compose is how Crossplane makes a Secret.
func (w *world) compose(name string, o *structpb.Struct) {
	o = controlledBy(o, stringAt(w.xr, "metadata", "uid"))
	o = set(o, name, "metadata", "annotations", "crossplane.io/composition-resource-name")
	w.secrets[stringAt(o, "metadata", "name")] = o
	w.objects[name] = &fnv1.Resource{Resource: o}
}

// tenantHas returns the kubeconfig that the tenant can read.
func (w *world) tenantHas(t *testing.T) string {
	t.Helper()

	if stringAt(w.xr, "metadata", "namespace") == "" {
		return string(w.published["kubeconfig"])
	}

	return w.kubeconfigIn(t, stringAt(w.xr, "status", "secretRef"))
}

// kubeconfigIn returns the kubeconfig in a Secret of the tenant's.
func (w *world) kubeconfigIn(t *testing.T, secret string) string {
	t.Helper()

	b, err := base64.StdEncoding.DecodeString(stringAt(w.secrets[secret], "data", "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}
