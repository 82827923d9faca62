//go:build linux

package fn

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	xpextv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// specSize is about how many bytes of JSON a tenant's spec.ciOperator has.
	specSize = 8000

	annotationResourceName = "crossplane.io/composition-resource-name"

	// kindResult is the renderer's, for what is no resource.
	kindResult = "Result"
)

// An example is one of examples/ in its steady state. What Crossplane made of it in
// the pass before, and would observe in the next, is the renderer's golden file.
type example struct {
	dir         string
	composition string
	golden      string
}

func claim() example {
	return example{dir: "workflow", composition: "claims.yaml", golden: "workflow-observed.yaml"}
}

func namespaced() example {
	return example{dir: "namespaced", composition: "v2.yaml", golden: "namespaced-observed.yaml"}
}

// request returns what Crossplane would send for the example, with a spec.ciOperator
// of a size that is usual for tenants with many images.
func (e example) request(tb testing.TB) *fnv1.RunFunctionRequest {
	tb.Helper()

	xr, objects := e.observed(tb)
	widen(tb, xr, objects["ec"])

	connection, composition, environment := &corev1.Secret{}, &xpextv1.Composition{}, &unstructured.Unstructured{}
	read(tb, connection, "examples", e.dir, "connection.yaml")
	read(tb, composition, "composition", e.composition)
	read(tb, environment, "examples", "environment.yaml")

	step := composition.Spec.Pipeline[0]
	input := &structpb.Struct{}

	if err := input.UnmarshalJSON(step.Input.Raw); err != nil {
		tb.Fatalf("cannot read the input in %s: %v", e.composition, err)
	}

	req := &fnv1.RunFunctionRequest{
		Meta:  &fnv1.RequestMeta{Tag: "tag"},
		Input: input,
		Observed: &fnv1.State{
			Composite: &fnv1.Resource{Resource: structOf(tb, xr)},
			Resources: map[string]*fnv1.Resource{},
		},
		RequiredResources: map[string]*fnv1.Resources{},
	}

	for _, r := range step.Requirements.RequiredResources {
		req.RequiredResources[r.RequirementName] = &fnv1.Resources{Items: []*fnv1.Resource{{Resource: structOf(tb, environment)}}}
	}

	for name, o := range objects {
		req.Observed.Resources[name] = &fnv1.Resource{Resource: structOf(tb, o)}
	}

	req.Observed.Resources["credentials"].ConnectionDetails = connection.Data

	if xr.GetNamespace() == "" {
		req.Observed.Composite.ConnectionDetails = connection.Data
	}

	return req
}

// observed returns the composite and its composed resources by name: the example's,
// with all that Crossplane has applied of the function's answer.
func (e example) observed(tb testing.TB) (xr *unstructured.Unstructured, objects map[string]*unstructured.Unstructured) {
	tb.Helper()

	xr, objects = &unstructured.Unstructured{}, map[string]*unstructured.Unstructured{}
	read(tb, xr, "examples", e.dir, "xr.yaml")

	for _, o := range readAll(tb, "examples", e.dir, "observed.yaml") {
		objects[o.GetAnnotations()[annotationResourceName]] = o
	}

	for _, o := range readAll(tb, "test", "render", "testdata", e.golden) {
		name, composed := o.GetAnnotations()[annotationResourceName]

		switch {
		case o.GetKind() == kindResult:
		case !composed:
			xr.Object = merged(xr.Object, o.Object)
		case objects[name] == nil:
			objects[name] = o
		default:
			objects[name].Object = merged(objects[name].Object, o.Object)
		}
	}

	return xr, objects
}

// widen gives a composite, the EphemeralCluster that is asked for, and the one on
// app.ci the same large spec.ciOperator.
func widen(tb testing.TB, xr, ec *unstructured.Unstructured) {
	tb.Helper()

	small, _, err := unstructured.NestedMap(xr.Object, "spec", "ciOperator")
	if err != nil {
		tb.Fatal(err)
	}

	spec := &v1.CIOperatorSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(small, spec); err != nil {
		tb.Fatal(err)
	}

	spec.BaseImages = map[string]v1.ImageStreamTag{}

	for i := 0; sizeOf(tb, spec) < specSize; i++ {
		spec.BaseImages[fmt.Sprintf("component-under-test-%02d", i)] = v1.ImageStreamTag{Namespace: "ocp", Name: "4.20", Tag: fmt.Sprintf("component-%02d", i)}
		spec.Test.Env[fmt.Sprintf("PARAMETER_OF_THE_WORKFLOW_%02d", i)] = fmt.Sprintf("a value that is as long as values are, %02d", i)
	}

	large, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		tb.Fatal(err)
	}

	for _, at := range []struct {
		in   *unstructured.Unstructured
		path []string
	}{
		{in: xr, path: []string{"spec", "ciOperator"}},
		{in: ec, path: []string{"spec", "forProvider", "manifest", "spec", "ciOperator"}},
		{in: ec, path: []string{"status", "atProvider", "manifest", "spec", "ciOperator"}},
	} {
		if err := unstructured.SetNestedMap(at.in.Object, large, at.path...); err != nil {
			tb.Fatal(err)
		}
	}
}

func sizeOf(tb testing.TB, o any) int {
	tb.Helper()

	b, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}

	return len(b)
}

// merged returns an object with the fields of another, which win, as an apply does.
func merged(into, from map[string]any) map[string]any {
	out := maps.Clone(into)
	if out == nil {
		out = map[string]any{}
	}

	for name, value := range from {
		if object, ok := value.(map[string]any); ok {
			before, _ := out[name].(map[string]any)
			value = merged(before, object)
		}

		out[name] = value
	}

	return out
}
