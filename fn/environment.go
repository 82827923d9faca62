package main

import (
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

// clusterFor returns the Konflux cluster's name: what the EnvironmentConfig says
// or, without one, what a live EphemeralCluster was made with.
func clusterFor(req *fnv1.RunFunctionRequest, ec observedEC) string {
	for _, item := range req.GetRequiredResources()[requirementEnvironment].GetItems() {
		if name := clusterName(item.GetResource()); name != "" {
			return name
		}
	}

	return madeWith(ec, v1.AnnotationKonfluxCluster)
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
