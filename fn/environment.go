package main

import (
	"cmp"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// requirementEnvironment names the required EnvironmentConfig. The Composition asks
// for it under the same name, so that one call is enough.
const requirementEnvironment = "environment"

const (
	environmentConfigAPIVersion = "apiextensions.crossplane.io/v1beta1"
	environmentConfigKind       = "EnvironmentConfig"
)

// requireEnvironment asks for the EnvironmentConfig of a name.
func requireEnvironment(rsp *fnv1.RunFunctionResponse, name string) {
	require(rsp, requirementEnvironment, &fnv1.ResourceSelector{
		ApiVersion: environmentConfigAPIVersion,
		Kind:       environmentConfigKind,
		Match:      &fnv1.ResourceSelector_MatchName{MatchName: name},
	})
}

func require(rsp *fnv1.RunFunctionResponse, name string, s *fnv1.ResourceSelector) {
	if rsp.GetRequirements() == nil {
		rsp.Requirements = &fnv1.Requirements{Resources: map[string]*fnv1.ResourceSelector{}}
	}

	rsp.Requirements.Resources[name] = s
}

// configuredCluster returns the Konflux cluster's name as the EnvironmentConfig has it.
func configuredCluster(req *fnv1.RunFunctionRequest) string {
	for _, item := range req.GetRequiredResources()[requirementEnvironment].GetItems() {
		if name := clusterName(item.GetResource()); name != "" {
			return name
		}
	}

	return ""
}

// clusterFor returns the name to ask with. What lives keeps the name that it was made
// with, which app.ci lets nobody change; what app.ci does not have yet gets the
// configured one. Without an EnvironmentConfig, it is the one that was asked with before.
func clusterFor(configured string, ec observedEC, o ownership) string {
	actual := stringAt(ec.actual, "metadata", "annotations", v1.AnnotationKonfluxCluster)
	asked := stringAt(ec.asked, "metadata", "annotations", v1.AnnotationKonfluxCluster)

	switch {
	case o == ownershipOurs && ec.actual != nil:
		return cmp.Or(actual, asked, configured)
	case o == ownershipOurs && !syncedOf(ec.object).failed():
		// It may be under way to app.ci.
		return cmp.Or(asked, configured)
	default:
		return cmp.Or(configured, asked)
	}
}

// madeWith returns an annotation of the EphemeralCluster as it was asked for. It is
// not read from app.ci unless an Object that may write lacks it: there it may be
// another's.
func madeWith(ec observedEC, annotation string) string {
	if a := stringAt(ec.asked, "metadata", "annotations", annotation); a != "" || ec.observeOnly {
		return a
	}

	return stringAt(ec.actual, "metadata", "annotations", annotation)
}
