package main

import (
	"strings"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// Names of composed resources. They are how Crossplane recognises what an earlier
// Composition made, so they never change.
const (
	resourceEC          = "ec"
	resourceCredentials = "credentials"
)

// notThere is how provider-kubernetes says that an Object may only observe, and
// there is nothing to observe.
const notThere = "external resource does not exist"

// observedEC is the Object that keeps the EphemeralCluster. All is nil or false
// before it was made.
type observedEC struct {
	object *structpb.Struct

	// asked is the EphemeralCluster that the Object was made to keep.
	asked *structpb.Struct

	// actual is the EphemeralCluster as it is on app.ci.
	actual *structpb.Struct

	// observeOnly is true while the Object may not write to app.ci.
	observeOnly bool

	// notThere is true once the provider said that app.ci has no such object.
	notThere bool
}

func observedECFrom(req *fnv1.RunFunctionRequest) observedEC {
	o := req.GetObserved().GetResources()[resourceEC].GetResource()

	ec := observedEC{
		object: o,
		asked:  structAt(o, "spec", "forProvider", "manifest"),
		actual: structAt(o, "status", "atProvider", "manifest"),
	}

	if p := listAt(o, "spec", "managementPolicies"); len(p) == 1 && p[0].GetStringValue() == policyObserve {
		ec.observeOnly = true
	}

	for _, v := range listAt(o, "status", "conditions") {
		c := v.GetStructValue()
		if stringAt(c, "type") == "Synced" && stringAt(c, "status") == "False" && strings.Contains(stringAt(c, "message"), notThere) {
			ec.notThere = true
		}
	}

	return ec
}

func (ec observedEC) exists() bool { return ec.object != nil }

func (ec observedEC) phase() v1.Phase { return v1.Phase(stringAt(ec.actual, "status", "phase")) }

// isTrue reports whether a condition of the EphemeralCluster is True.
func (ec observedEC) isTrue(typ v1.ConditionType) bool {
	for _, v := range listAt(ec.actual, "status", "conditions") {
		c := v.GetStructValue()
		if stringAt(c, "type") == string(typ) {
			return stringAt(c, "status") == "True"
		}
	}

	return false
}

// observedCredentials is the Object that reads the EphemeralCluster's credentials.
type observedCredentials struct {
	object *structpb.Struct

	// secretName is the Secret on app.ci that it reads.
	secretName string

	// details are the connection details that it has published.
	details map[string][]byte
}

func observedCredentialsFrom(req *fnv1.RunFunctionRequest) observedCredentials {
	r := req.GetObserved().GetResources()[resourceCredentials]

	return observedCredentials{
		object:     r.GetResource(),
		secretName: stringAt(r.GetResource(), "spec", "forProvider", "manifest", "metadata", "name"),
		details:    r.GetConnectionDetails(),
	}
}

func (c observedCredentials) exists() bool { return c.object != nil }
