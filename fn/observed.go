package main

import (
	"maps"
	"slices"
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

	// resourceSecret is the Secret of a namespaced composite that an earlier function
	// composed.
	resourceSecret = "connection-secret"
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

	synced := syncedOf(o)
	ec.notThere = synced.status == "False" && strings.Contains(synced.message, notThere)

	return ec
}

func (ec observedEC) exists() bool { return ec.object != nil }

func (ec observedEC) phase() v1.Phase { return v1.Phase(stringAt(ec.actual, "status", "phase")) }

// isTrue reports whether a condition of the EphemeralCluster is True.
func (ec observedEC) isTrue(typ v1.ConditionType) bool {
	return stringAt(conditionOf(structAt(ec.actual, "status"), string(typ)), "status") == "True"
}

// observedCredentials is an Object that reads the EphemeralCluster's credentials.
type observedCredentials struct {
	// key is the name of the composed resource.
	key string

	object *structpb.Struct

	// secretName is the Secret on app.ci that it reads.
	secretName string

	// writesTo is the Secret that it writes to.
	writesTo string

	// details are the connection details that it has published.
	details map[string][]byte
}

// observedCredentialsFrom returns the one Object of a claim, or any of a namespaced
// composite's.
func observedCredentialsFrom(req *fnv1.RunFunctionRequest) observedCredentials {
	if all := allCredentialsFrom(req); len(all) > 0 {
		return all[0]
	}

	return observedCredentials{}
}

func allCredentialsFrom(req *fnv1.RunFunctionRequest) []observedCredentials {
	var out []observedCredentials

	observed := req.GetObserved().GetResources()

	for _, key := range slices.Sorted(maps.Keys(observed)) {
		if key != resourceCredentials && !strings.HasPrefix(key, resourceCredentials+"-") {
			continue
		}

		o := observed[key].GetResource()

		out = append(out, observedCredentials{
			key:        key,
			object:     o,
			secretName: stringAt(o, "spec", "forProvider", "manifest", "metadata", "name"),
			writesTo:   stringAt(o, "spec", "writeConnectionSecretToRef", "name"),
			details:    observed[key].GetConnectionDetails(),
		})
	}

	return out
}

func (c observedCredentials) exists() bool { return c.object != nil }
