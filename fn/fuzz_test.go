package main

import (
	"testing"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// liveRequest is a request about a live cluster, whose credentials are canaries.
func liveRequest(xr, ec *structpb.Struct) *fnv1.RunFunctionRequest {
	req := requestOf(xr, withObserved("ec", ec), withObserved("credentials", fromYAML(testCredentials)),
		withDetails(map[string][]byte{"kubeconfig": []byte(canary), "kubeAdminPassword": []byte(canary)}))

	if stringAt(xr, "metadata", "namespace") != "" {
		req.Observed.Resources["connection-secret"] = &fnv1.Resource{Resource: fromYAML("{metadata: {name: cluster-kubeconfig}}")}
	}

	return req
}

// hold checks what holds of every answer, whatever the request.
func hold(t *testing.T, req *fnv1.RunFunctionRequest) *fnv1.RunFunctionResponse {
	t.Helper()

	rsp := run(t, proto.CloneOf(req))

	if _, err := proto.Marshal(rsp); err != nil {
		t.Errorf("the answer cannot be sent: %v", err)
	}

	// Not compared with cmp: a fuzzer spends its time on what is called here.
	again := run(t, proto.CloneOf(req))
	if !proto.Equal(rsp, again) {
		t.Errorf("equal requests must have equal answers: %v, %v", rsp, again)
	}

	if len(rsp.GetConditions()) < 5 {
		t.Errorf("every client's conditions must be there: %v", rsp.GetConditions())
	}

	for _, r := range rsp.GetResults() {
		if r.GetSeverity() == fnv1.Severity_SEVERITY_FATAL {
			return rsp
		}
	}

	namespaced := stringAt(req.GetObserved().GetComposite().GetResource(), "metadata", "namespace") != ""

	for name := range req.GetObserved().GetResources() {
		// What writes to a Secret that is not the tenant's any more goes.
		if namespaced && name != resourceEC {
			continue
		}

		if _, ok := rsp.GetDesired().GetResources()[name]; !ok {
			t.Errorf("%s was observed and must be desired again", name)
		}
	}

	holdsNoCanary(t, rsp)

	return rsp
}

// parse returns fuzzed bytes as an object.
func parse(t *testing.T, in []byte) *structpb.Struct {
	t.Helper()

	s := &structpb.Struct{}
	if err := protojson.Unmarshal(in, s); err != nil {
		t.Skip("not an object")
	}

	return s
}

func addSeeds(f *testing.F, seeds ...*structpb.Struct) {
	f.Helper()

	for _, s := range seeds {
		b, err := s.MarshalJSON()
		if err != nil {
			f.Fatal(err)
		}

		f.Add(b)
	}
}

// FuzzComposite lets a tenant write any composite.
func FuzzComposite(f *testing.F) {
	addSeeds(f, fromYAML(testXR), namespacedXR(), &structpb.Struct{},
		set(fromYAML(testXR), true, "spec", "tearDownCluster"), set(namespacedXR(), "mine", "spec", "writeConnectionSecretToRef", "name"))

	f.Fuzz(func(t *testing.T, in []byte) {
		xr := parse(t, in)

		rsp := hold(t, requestOf(xr))
		for name, r := range rsp.GetDesired().GetResources() {
			annotations := structAt(r.GetResource(), "spec", "forProvider", "manifest", "metadata", "annotations")
			if got, want := stringAt(annotations, "ephemeralcluster.ci.openshift.io/konflux-tenant"), compositeFrom(xr).tenant; name == "ec" && got != want {
				t.Errorf("the tenant must be %q, got: %q", want, got)
			}

			if got := stringAt(annotations, "ephemeralcluster.ci.openshift.io/konflux-cluster"); name == "ec" && got != "stone-stg-rh01" {
				t.Errorf("the Konflux cluster must be our own, got: %q", got)
			}
		}

		hold(t, liveRequest(xr, onAppCI(writing(fromYAML(testEC)), testStatusReady)))
	})
}

// FuzzEphemeralCluster lets app.ci answer with any EphemeralCluster.
func FuzzEphemeralCluster(f *testing.F) {
	addSeeds(f,
		structAt(onAppCI(fromYAML(testEC), testStatusReady), "status", "atProvider", "manifest"),
		structAt(onAppCI(fromYAML(testEC), testStatusProvisioning), "status", "atProvider", "manifest"),
		fromYAML("{metadata: {annotations: {ephemeralcluster.ci.openshift.io/konflux-tenant: another}}, status: {conditions: [{type: Ready}, null], secretRef: ../a}}"))

	f.Fuzz(func(t *testing.T, in []byte) {
		ec := set(fromYAML(testEC), parse(t, in), "status", "atProvider", "manifest")

		for _, o := range []*structpb.Struct{ec, writing(ec)} {
			req := liveRequest(fromYAML(testXR), o)
			rsp := hold(t, req)

			if gather(req, testFunction().schema).ownership != ownershipForeign {
				continue
			}

			if len(rsp.GetDesired().GetComposite().GetConnectionDetails()["kubeconfig"]) > 0 {
				t.Error("another's credentials were passed on")
			}

			if p := listAt(rsp.GetDesired().GetResources()["ec"].GetResource(), "spec", "managementPolicies"); p[0].GetStringValue() != "Observe" {
				t.Errorf("another's EphemeralCluster may be written to: %v", p)
			}
		}
	})
}

// FuzzInput lets a Composition have any input.
func FuzzInput(f *testing.F) {
	addSeeds(f, &structpb.Struct{}, fromYAML("{apiVersion: testplatform.fn.crossplane.io/v1beta1, kind: Config, providerConfigName: other}"))

	f.Fuzz(func(t *testing.T, in []byte) {
		input := parse(t, in)

		for _, req := range []*fnv1.RunFunctionRequest{
			requestOf(fromYAML(testXR)),
			liveRequest(fromYAML(testXR), onAppCI(writing(fromYAML(testEC)), testStatusReady)),
		} {
			req.Input = input
			hold(t, req)
		}
	})
}
