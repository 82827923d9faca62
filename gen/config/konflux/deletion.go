package konflux

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Names of the policies about deletions.
const (
	OrphanPolicy = "testplatform-orphans"
	UsagePolicy  = "testplatform-usages"
)

// orphanPolicy keeps claims and composites from being deleted without what they are made
// of: the Objects would live on, and so would the cluster, for nobody. Whoever asks for
// that in advance, with a finalizer, is refused too. It holds for administrators as well:
// who really means it takes the policy away first.
func orphanPolicy() manifest.Policy {
	const message = "this would leave a cluster that nobody owns: delete without --cascade=orphan (propagationPolicy Orphan, finalizer orphan)"

	return manifest.Policy{
		Name:       OrphanPolicy,
		Group:      v1alpha1.Group,
		Resources:  []string{v1alpha1.Plural, v1alpha1.CompositePlural},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update, admissionv1.Delete},
		Validations: []admissionv1.Validation{
			{
				Expression: `request.operation != "DELETE" || (request.?options.?propagationPolicy.orValue("") != "Orphan" &&
!request.?options.?orphanDependents.orValue(false))`,
				Message: message,
			},
			{
				Expression: `request.operation == "DELETE" || !("orphan" in object.?metadata.?finalizers.orValue([]))`,
				Message:    message,
			},
		},
	}
}

// usagePolicy keeps the ProviderConfigUsages of Objects for as long as these live. When a
// namespace is deleted, all in it is, the usages at once, while the Objects wait for their
// clusters. Without its usage an Object can do nothing: provider-kubernetes makes sure of
// one first, and nothing can be made in a namespace that is terminating. So the namespace
// controller is refused and asks again, until the garbage collector has taken each usage
// away after its Object.
func usagePolicy() manifest.Policy {
	return manifest.Policy{
		Name:       UsagePolicy,
		Group:      groupNamespaced,
		Resources:  []string{"providerconfigusages"},
		Operations: []admissionv1.OperationType{admissionv1.Delete},
		Conditions: []admissionv1.MatchCondition{{
			Name: "ours", Expression: `oldObject.?providerConfigRef.?name.orValue("") == "` + v1alpha1.ProviderConfigName + `"`,
		}},
		Variables: []admissionv1.Variable{
			// Where all controllers are one user, only the collector names what it deletes by
			// its UID.
			{Name: "collector", Expression: `request.userInfo.username == "system:serviceaccount:kube-system:generic-garbage-collector" ||
(request.userInfo.username == "system:kube-controller-manager" && request.?options.?preconditions.?uid.hasValue())`},
			{Name: "provider", Expression: isUser(ProviderName)},
			{Name: "admin", Expression: `authorizer.group("admissionregistration.k8s.io").resource("validatingadmissionpolicies").name("` + UsagePolicy + `").check("update").allowed()`},
		},
		Validations: []admissionv1.Validation{{
			Expression: "variables.collector || variables.provider || variables.admin",
			Message:    "an Object needs it to end its cluster, and takes it along",
		}},
	}
}
