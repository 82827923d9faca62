//go:build linux

package fn

import (
	"maps"
	"slices"
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// mustBeSteady ends the benchmark unless the answer is the one of a steady state:
// all is ready, nothing is told, nothing more is asked for, and to apply it would
// change nothing. Anything else would be measured for something that it is not.
func mustBeSteady(tb testing.TB, req *fnv1.RunFunctionRequest, rsp *fnv1.RunFunctionResponse) {
	tb.Helper()

	same(tb, "results", []*fnv1.Result(nil), rsp.GetResults())

	// Crossplane calls again while it is asked for what it has not given yet.
	same(tb, "requirements", names(req.GetRequiredResources()), names(rsp.GetRequirements().GetResources()))

	observed, desired := req.GetObserved(), rsp.GetDesired()

	same(tb, "names of the composed resources", names(observed.GetResources()), names(desired.GetResources()))

	for name, o := range observed.GetResources() {
		unchanged(tb, name, o, desired.GetResources()[name])
	}

	for _, name := range []string{"ec", "credentials"} {
		if desired.GetResources()[name] == nil {
			tb.Fatalf("not a steady answer: %s is not desired", name)
		}
	}

	unchanged(tb, "composite", observed.GetComposite(), desired.GetComposite())
	same(tb, "connection details", observed.GetComposite().GetConnectionDetails(), desired.GetComposite().GetConnectionDetails())

	status, _ := observed.GetComposite().GetResource().AsMap()["status"].(map[string]any)
	same(tb, "phase", any(string(v1.PhaseReady)), status["phase"])

	reported := reportedIn(status)
	told := map[string]condition{}

	for _, c := range rsp.GetConditions() {
		told[c.GetType()] = condition{status: statusWord(c.GetStatus()), reason: c.GetReason(), message: c.GetMessage()}
	}

	// Crossplane adds conditions of its own.
	maps.DeleteFunc(reported, func(typ string, _ condition) bool { _, ok := told[typ]; return !ok })
	same(tb, "conditions", reported, told)
}

// A condition is what a pass may change in one.
type condition struct{ status, reason, message string }

// reportedIn returns the conditions of a status by type.
func reportedIn(status map[string]any) map[string]condition {
	out := map[string]condition{}
	list, _ := status["conditions"].([]any)

	for _, v := range list {
		c, _ := v.(map[string]any)
		word := func(name string) string { s, _ := c[name].(string); return s }
		out[word("type")] = condition{status: word("status"), reason: word("reason"), message: word("message")}
	}

	return out
}

func statusWord(s fnv1.Status) string {
	switch s {
	case fnv1.Status_STATUS_CONDITION_TRUE:
		return "True"
	case fnv1.Status_STATUS_CONDITION_FALSE:
		return "False"
	default:
		return "Unknown"
	}
}

// unchanged ends the benchmark unless a resource is ready and desired as it is.
func unchanged(tb testing.TB, name string, observed, desired *fnv1.Resource) {
	tb.Helper()

	before := observed.GetResource().AsMap()

	same(tb, name, before, merged(before, desired.GetResource().AsMap()))
	same(tb, "readiness of "+name, fnv1.Ready_READY_TRUE, desired.GetReady())
}

func same(tb testing.TB, what string, want, got any) {
	tb.Helper()

	if diff := cmp.Diff(want, got, cmp.AllowUnexported(condition{}), protocmp.Transform()); diff != "" {
		tb.Fatalf("not a steady answer: %s: -want, +got:\n%s", what, diff)
	}
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// mustBeEmpty ends the benchmark unless the answer is the one of a function that
// does nothing.
func mustBeEmpty(tb testing.TB, req *fnv1.RunFunctionRequest, rsp *fnv1.RunFunctionResponse) {
	tb.Helper()

	same(tb, "answer", response.To(req, response.DefaultTTL), rsp)
}
