package main

import (
	"cmp"
	"maps"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
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
func statusFor(c call, secretName, message string) fields {
	f := fields{}
	f.setString(v1alpha1.StatusMessage, message)

	if c.ownership == ownershipForeign {
		return f
	}

	for _, name := range []string{statusPhase, statusProwJobURL, statusProwJobID} {
		f.setString(name, stringAt(c.ec.actual, "status", name))
	}

	// An Object that was made again has not seen the cluster yet, which is told by this.
	if c.ec.actual == nil {
		f.setString(statusProwJobID, stringAt(c.composite.status, statusProwJobID))
	}

	f.setString(statusSecretRef, secretName)

	return f
}

// messageFor returns why a request waits or has failed, in the words of the condition
// that counts most: the first hop that is in the way. It is empty when nothing is.
func messageFor(c call, accepted, appCI condition) string {
	status := structAt(c.ec.actual, "status")
	said := func(typ v1.ConditionType) string { return stringAt(conditionOf(status, string(typ)), "message") }

	switch {
	case accepted.status != fnv1.Status_STATUS_CONDITION_TRUE:
		return accepted.message
	case appCI.status == fnv1.Status_STATUS_CONDITION_FALSE:
		return appCI.message
	case c.phase() == v1.PhaseFailed:
		return cmp.Or(said(v1.ConditionProwJobCompleted), said(v1.ConditionProwJobCreating), said(v1.ConditionClusterReady))
	case c.clusterReady():
		return credentialsCondition(c).message
	default:
		return said(v1.ConditionClusterReady)
	}
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
