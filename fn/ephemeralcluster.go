package main

import (
	clusterobject "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"google.golang.org/protobuf/types/known/structpb"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

// clusterReadyQuery makes the provider's own readiness follow ClusterReady. It says
// so of an EphemeralCluster without conditions too, where a bare exists is an error.
const clusterReadyQuery = `has(object.status) && has(object.status.conditions) && ` +
	`object.status.conditions.exists(c, c.type == "` + string(v1.ConditionClusterReady) + `" && c.status == "True")`

// An ephemeralCluster is what is asked of app.ci.
type ephemeralCluster struct {
	name        string
	namespace   string
	annotations map[string]string

	// ciOperator is the tenant's, and travels as it is.
	ciOperator *structpb.Value

	// tearDownCluster is nil unless the tenant has set it.
	tearDownCluster *structpb.Value
}

func (e ephemeralCluster) manifest() *structpb.Value {
	spec := fields{"ciOperator": e.ciOperator}
	if e.tearDownCluster != nil {
		spec["tearDownCluster"] = e.tearDownCluster
	}

	return fields{
		"apiVersion": structpb.NewStringValue(v1.Group + "/" + v1.Version),
		"kind":       structpb.NewStringValue(v1.Kind),
		"metadata": fields{
			"name":        structpb.NewStringValue(e.name),
			"namespace":   structpb.NewStringValue(e.namespace),
			"annotations": stringMapValue(e.annotations),
		}.value(),
		"spec": spec.value(),
	}.value()
}

// ephemeralClusterFor returns what is to be asked of app.ci for a composite.
func ephemeralClusterFor(c composite, cfg v1beta1.Config, cluster string, ec observedEC, ciOperator *structpb.Value) ephemeralCluster {
	annotations, _ := c.runNames()

	if c.tenant != "" {
		annotations[v1.AnnotationKonfluxTenant] = c.tenant
	}

	if cluster != "" {
		annotations[v1.AnnotationKonfluxCluster] = cluster
	}

	if ciOperator == nil {
		ciOperator = fields{}.value()
	}

	return ephemeralCluster{
		name:            c.externalName(),
		namespace:       cfg.EphemeralClusterNamespace,
		annotations:     annotations,
		ciOperator:      ciOperator,
		tearDownCluster: tearDownFor(c, ec),
	}
}

// tearDownFor returns spec.tearDownCluster as the tenant set it. Once asked for, what
// is not a boolean does not take it back.
func tearDownFor(c composite, ec observedEC) *structpb.Value {
	wanted := at(c.spec, "tearDownCluster")
	if isNull(wanted) {
		return nil
	}

	if _, ok := boolAt(c.spec, "tearDownCluster"); ok {
		return wanted
	}

	if _, ok := boolAt(ec.asked, "spec", "tearDownCluster"); ok {
		return at(ec.asked, "spec", "tearDownCluster")
	}

	return nil
}

// objectForEC returns the Object that keeps an EphemeralCluster.
func objectForEC(c composite, cfg v1beta1.Config, e ephemeralCluster, ec observedEC, mayWrite bool) object {
	policy := policyObserve
	if mayWrite {
		policy = policyAll
	}

	return object{
		name:               "managed-" + c.externalName(),
		namespace:          c.namespace,
		providerConfigName: cfg.ProviderConfigName,
		policy:             policy,
		manifest:           e.manifest(),
		readyQuery:         readyQueryFor(ec),
		watch:              true,
	}
}

// readyQueryFor keeps the query that a live Object has: the same said in other words
// would be a change of its spec. Nothing here depends on its result.
func readyQueryFor(ec observedEC) string {
	query := stringAt(ec.object, "spec", "readiness", "celQuery")
	if stringAt(ec.object, "spec", "readiness", "policy") == string(clusterobject.ReadinessPolicyDeriveFromCelQuery) && query != "" {
		return query
	}

	return clusterReadyQuery
}
