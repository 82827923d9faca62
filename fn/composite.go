package main

import (
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// maxNamePrefix is what is kept of a namespaced composite's name on app.ci: with a
// dash and a UID it makes 63 characters, so that it also fits a label's value.
const maxNamePrefix = 26

// A composite is what the function reads from a composite resource.
type composite struct {
	name      string
	namespace string
	uid       string

	// tenant is the namespace that the request came from; empty when unknown.
	tenant string

	annotations *structpb.Struct
	spec        *structpb.Struct
	status      *structpb.Struct
}

// compositeFrom reads a composite. Whatever a tenant may have written into it is
// read as the claim of a request, never as a fact about who asks.
func compositeFrom(xr *structpb.Struct) composite {
	c := composite{
		name:        stringAt(xr, "metadata", "name"),
		namespace:   stringAt(xr, "metadata", "namespace"),
		uid:         stringAt(xr, "metadata", "uid"),
		annotations: structAt(xr, "metadata", "annotations"),
		spec:        structAt(xr, "spec"),
		status:      structAt(xr, "status"),
	}

	// A namespaced composite's own namespace counts before all else: its spec is the
	// tenant's.
	c.tenant = c.namespace
	if !c.namespaced() {
		c.tenant = stringAt(c.spec, "claimRef", "namespace")
	}

	return c
}

// namespaced reports whether this is a namespaced composite of Crossplane 2, and
// not the cluster-scoped one behind a claim.
func (c composite) namespaced() bool { return c.namespace != "" }

// externalName is the EphemeralCluster's name on app.ci, and what cluster-wide names
// are made of. A tenant chooses a namespaced composite's name, so its UID makes it
// one that nobody can choose, guess or take over.
func (c composite) externalName() string {
	if !c.namespaced() {
		return c.name
	}

	prefix := c.name
	if len(prefix) > maxNamePrefix {
		prefix = strings.ToValidUTF8(prefix[:maxNamePrefix], "")
	}

	return strings.TrimRight(prefix, "-.") + "-" + c.uid
}

// runNames returns the annotations that name the tenant's PipelineRun and TaskRun,
// and the keys of those that are not valid names and therefore left out.
func (c composite) runNames() (valid map[string]string, invalid []string) {
	valid = map[string]string{}

	for _, key := range []string{v1.AnnotationPipelineRunName, v1.AnnotationTaskRunName} {
		name := stringAt(c.annotations, key)

		switch {
		case name == "":
		case len(validation.IsDNS1123Subdomain(name)) > 0:
			invalid = append(invalid, key)
		default:
			valid[key] = name
		}
	}

	return valid, invalid
}

// reported returns a condition of the composite, as an earlier call left it.
func (c composite) reported(typ string) *structpb.Struct { return conditionOf(c.status, typ) }

// hasSeen reports whether an EphemeralCluster has the ProwJob that the composite's
// status names. Only we write that, and no two clusters share a ProwJob.
func (c composite) hasSeen(ec observedEC) bool {
	id := stringAt(c.status, statusProwJobID)

	return id != "" && id == stringAt(ec.actual, "status", "prowJobId")
}

// clusterName returns the Konflux cluster's name as an EnvironmentConfig has it.
func clusterName(environment *structpb.Struct) string {
	return stringAt(environment, "data", v1alpha1.EnvironmentConfigKey)
}
