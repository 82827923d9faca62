package ephemeralcluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
)

// request is what validation looks at.
type request struct {
	ec         *v1.EphemeralCluster
	profiles   *profiles.Set
	privileged sets.Set[string]
}

// check returns what is wrong with a request, or nothing.
type check func(request) string

// checks are made in this order, and the first that finds something ends them.
func checks() []check {
	return []check{nameFitsLabel, oneSource, profileIsSet, profileExists, profileIsOwned}
}

// validate returns why a request is refused, or nothing.
func validate(q request) string {
	for _, fn := range checks() {
		if wrong := fn(q); wrong != "" {
			return wrong
		}
	}

	return ""
}

// nameFitsLabel refuses a name that its ProwJob could not be found by.
func nameFitsLabel(q request) string {
	if len(validation.IsValidLabelValue(q.ec.GetName())) == 0 {
		return ""
	}

	return fmt.Sprintf("name %q cannot be the label of a ProwJob: choose one of at most %d characters", q.ec.GetName(), validation.LabelValueMaxLength)
}

func claimed(ec *v1.EphemeralCluster) bool {
	return ec.Spec.CIOperator.Test.ClusterClaim != nil
}

// oneSource refuses a cluster of a profile that would be taken for a claimed one, whose
// profile nobody has to own.
func oneSource(q request) string {
	if !claimed(q.ec) || q.ec.Spec.CIOperator.Test.ClusterProfile == "" {
		return ""
	}

	return "spec.ciOperator.test has both clusterProfile and clusterClaim: set one of them"
}

func profileIsSet(q request) string {
	if claimed(q.ec) || q.ec.Spec.CIOperator.Test.ClusterProfile != "" {
		return ""
	}

	return "spec.ciOperator.test.clusterProfile is not set: name a cluster profile, or set clusterClaim"
}

func profileExists(q request) string {
	if claimed(q.ec) {
		return ""
	}

	name := q.ec.Spec.CIOperator.Test.ClusterProfile
	if _, ok := q.profiles.Get(name); ok {
		return ""
	}

	return fmt.Sprintf("cluster profile %q does not exist: choose one that does", name)
}

func profileIsOwned(q request) string {
	if claimed(q.ec) {
		return ""
	}

	who := profiles.Requester{
		Tenant:  q.ec.GetAnnotations()[v1.AnnotationKonfluxTenant],
		Cluster: q.ec.GetAnnotations()[v1.AnnotationKonfluxCluster],
	}

	p, _ := q.profiles.Get(q.ec.Spec.CIOperator.Test.ClusterProfile)
	if q.privileged.Has(who.Tenant) || q.profiles.Owns(who, p) {
		return ""
	}

	return fmt.Sprintf("tenant %q on Konflux cluster %q is not among the owners of cluster profile %q: ask its owners to be added, or choose another", who.Tenant, who.Cluster, p.Name)
}
