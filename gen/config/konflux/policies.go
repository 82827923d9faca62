package konflux

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/manifest"
)

// Names of the policies.
const (
	ObjectPolicy    = "testplatform-objects"
	ClaimPolicy     = "testplatform-claims"
	CompositePolicy = "testplatform-composites"
)

// objectPolicy keeps namespaced Objects, and all else of their API group, to those who
// are to write them: whoever writes an Object makes provider-kubernetes use the
// credential of app.ci, and whoever writes its status makes the function believe it.
// RBAC does not keep tenants from it: Crossplane's RBAC manager grants these kinds to
// whoever may edit in a namespace.
//
// Only Crossplane creates an Object or changes what it says. Kubernetes' own
// controllers and whoever may change this policy, who could switch it off, can still
// take a finalizer off one that would never go away.
func objectPolicy() manifest.Policy {
	return manifest.Policy{
		Name:      ObjectPolicy,
		Group:     groupNamespaced,
		Resources: []string{"*/*"},
		// A tenant may end its own cluster, by deleting an Object as well.
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Variables: []admissionv1.Variable{
			{Name: "crossplane", Expression: isUser(crossplaneAccount)},
			{Name: "provider", Expression: isUser(ProviderName)},
			{Name: "controller", Expression: `request.userInfo.username == "system:kube-controller-manager" ||
"system:serviceaccounts:kube-system" in request.userInfo.groups`},
			{Name: "admin", Expression: `authorizer.group("admissionregistration.k8s.io").resource("validatingadmissionpolicies").name("` + ObjectPolicy + `").check("update").allowed()`},
			{Name: "wields", Expression: `request.resource.resource in ["objects", "observedobjectcollections"]`},
			{Name: "unchanged", Expression: `request.operation == "UPDATE" && request.?subResource.orValue("") == "" &&
object.?spec == oldObject.?spec`},
		},
		Validations: []admissionv1.Validation{
			{
				Expression: `!variables.wields || variables.crossplane ||
(variables.provider && request.operation == "UPDATE") ||
((variables.controller || variables.admin) && variables.unchanged)`,
				Message: "only Crossplane may write Objects",
			},
			{
				Expression: `variables.wields || variables.crossplane || variables.provider || variables.admin ||
(variables.controller && variables.unchanged)`,
				Message: "only administrators may configure how Objects reach a cluster",
			},
		},
	}
}

// claimPolicy keeps users from binding a claim to a composite that is not its own.
func claimPolicy() manifest.Policy {
	return fieldPolicy(ClaimPolicy, "resourceRef", `.?spec.?resourceRef`)
}

// compositePolicy keeps users from telling Crossplane which resources a composite has.
func compositePolicy() manifest.Policy {
	return fieldPolicy(CompositePolicy, "crossplane.resourceRefs", `.?spec.?crossplane.?resourceRefs`)
}

// fieldPolicy leaves a field of the spec to Crossplane.
func fieldPolicy(name, field, path string) manifest.Policy {
	return manifest.Policy{
		Name:       name,
		Group:      v1alpha1.Group,
		Resources:  []string{v1alpha1.Plural},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Conditions: []admissionv1.MatchCondition{{Name: "user", Expression: "!(" + isUser(crossplaneAccount) + ")"}},
		Validations: []admissionv1.Validation{{
			Expression: `request.operation == "CREATE" ? !object` + path + `.hasValue() : object` + path + ` == oldObject` + path,
			Message:    "only Crossplane may set spec." + field,
		}},
	}
}

func isUser(account string) string {
	return `request.userInfo.username == "` + manifest.Username(crossplaneNamespace, account) + `"`
}
