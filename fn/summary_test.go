package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// holdsNoCanary holds a response to where it may have credentials: connection
// details, and the data of the tenant's Secret.
func holdsNoCanary(t *testing.T, rsp *fnv1.RunFunctionResponse) {
	t.Helper()

	clean := proto.CloneOf(rsp)
	if c := clean.GetDesired().GetComposite(); c != nil {
		c.ConnectionDetails = nil
	}

	if s := clean.GetDesired().GetResources()[resourceSecret].GetResource(); s != nil {
		delete(s.GetFields(), "data")
	}

	b, err := protojson.Marshal(clean)
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary))} {
		if bytes.Contains(b, []byte(c)) {
			t.Errorf("a credential is where it may not be: %s", b)
		}
	}
}

// summary returns what a response says, in a form for people. Resources are shown
// when they differ from those of the response before.
func summary(t *testing.T, before, rsp *fnv1.RunFunctionResponse) []byte {
	t.Helper()

	out := map[string]any{
		"ttl":               rsp.GetMeta().GetTtl().AsDuration().String(),
		"ready":             rsp.GetDesired().GetComposite().GetReady().String(),
		"requires":          slices.Sorted(maps.Keys(rsp.GetRequirements().GetResources())),
		"connectionDetails": slices.Sorted(maps.Keys(rsp.GetDesired().GetComposite().GetConnectionDetails())),
		"status":            structAt(rsp.GetDesired().GetComposite().GetResource(), "status").AsMap(),
	}

	conditions := make([]string, 0, len(rsp.GetConditions()))
	for _, c := range rsp.GetConditions() {
		conditions = append(conditions, fmt.Sprintf("%s=%s %q %q", c.GetType(), strings.TrimPrefix(c.GetStatus().String(), "STATUS_CONDITION_"), c.GetReason(), c.GetMessage()))
	}

	results := make([]string, 0, len(rsp.GetResults()))
	for _, r := range rsp.GetResults() {
		results = append(results, fmt.Sprintf("%s %s: %s", strings.TrimPrefix(r.GetSeverity().String(), "SEVERITY_"), r.GetReason(), r.GetMessage()))
	}

	resources := map[string]any{}

	for name, r := range rsp.GetDesired().GetResources() {
		shown := map[string]any{"ready": r.GetReady().String()}

		if old := before.GetDesired().GetResources()[name].GetResource(); old == nil || !proto.Equal(old, r.GetResource()) {
			shown["resource"] = r.GetResource().AsMap()
		}

		resources[name] = shown
	}

	out["conditions"], out["results"], out["resources"] = conditions, results, resources

	y, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}

	return y
}
