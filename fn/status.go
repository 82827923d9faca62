package main

import (
	"maps"

	"google.golang.org/protobuf/types/known/structpb"
)

// Fields of the composite's status. The generated XRD has them from the
// EphemeralCluster's status.
const (
	statusPhase      = "phase"
	statusProwJobURL = "prowJobURL"
	statusProwJobID  = "prowJobId"
	statusSecretRef  = "secretRef"
)

// statusFor returns what the composite's status says. It never holds a credential.
func statusFor(ec observedEC, o ownership, secretName string) fields {
	if o == ownershipForeign {
		return nil
	}

	f := fields{}
	for _, name := range []string{statusPhase, statusProwJobURL, statusProwJobID} {
		f.setString(name, stringAt(ec.actual, "status", name))
	}

	f.setString(statusSecretRef, secretName)

	return f
}

// withStatus returns a desired composite with fields added to its status.
func withStatus(xr *structpb.Struct, status fields) *structpb.Struct {
	if len(status) == 0 {
		return xr
	}

	for name, value := range structAt(xr, "status").GetFields() {
		if _, ok := status[name]; !ok {
			status[name] = value
		}
	}

	out := fields{}
	maps.Copy(out, xr.GetFields())

	out["status"] = status.value()

	return &structpb.Struct{Fields: out}
}
