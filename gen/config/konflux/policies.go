package konflux

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Names of the policies.
const (
	ObjectPolicy    = "testplatform-objects"
	ClaimPolicy     = "testplatform-claims"
	CompositePolicy = "testplatform-composites"
)

// updatePolicy says whether a composite follows its Composition.
const updatePolicy = "compositionUpdatePolicy"

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
			{Name: "admin", Expression: isAdmin(ObjectPolicy)},
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

// claimPolicy keeps users from binding a claim to a composite that is not its own, and
// from having it made in another way than all are: Crossplane passes on to the composite
// which revision of the Composition a claim says, and those of long ago are still there.
//
// Nor is the Secret of a claim renamed: Crossplane writes one of the new name, and leaves
// the credentials in the former one.
func claimPolicy() manifest.Policy {
	p := fieldPolicy(ClaimPolicy, "", "resourceRef")

	const name = ".?spec.?writeConnectionSecretToRef.?name"

	p.Validations = append(p.Validations, admissionv1.Validation{
		Expression: `request.operation == "CREATE" || !oldObject` + name + `.hasValue() || object` + name + ` == oldObject` + name,
		Message:    "spec.writeConnectionSecretToRef.name cannot be changed: a copy of the credentials would stay under the former name",
	})

	return p
}

// compositePolicy keeps users from telling Crossplane which resources a composite has,
// and by which revision.
func compositePolicy() manifest.Policy {
	return fieldPolicy(CompositePolicy, "crossplane", "resourceRefs")
}

// fieldPolicy leaves what is Crossplane's in the spec, or a part of it, to Crossplane and to
// administrators, who restore what Crossplane has made. What it has bound nobody takes away, not
// even by leaving it out.
func fieldPolicy(name, part, bound string) manifest.Policy {
	path, field := ".?spec", "spec"
	if part != "" {
		path, field = path+".?"+part, field+"."+part
	}

	at := func(object, name string) string { return object + path + ".?" + name }

	p := manifest.Policy{
		Name:       name,
		Group:      v1alpha1.Group,
		Resources:  []string{v1alpha1.Plural},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Conditions: []admissionv1.MatchCondition{{Name: "user", Expression: "!(" + isUser(crossplaneAccount) + ")"}},
		Variables:  []admissionv1.Variable{{Name: "admin", Expression: isAdmin(name)}},
		Validations: []admissionv1.Validation{
			{
				Expression: `request.operation != "UPDATE" || !` + at("oldObject", bound) + `.hasValue() || ` + at("object", bound) + `.hasValue()`,
				Message:    field + "." + bound + ", which Crossplane has set, would be removed: use kubectl apply, not replace, and no Replace=true of Argo CD",
			},
			{
				Expression: `variables.admin || (request.operation == "CREATE" ? !` + at("object", bound) + `.hasValue() : ` + at("object", bound) + ` == ` + at("oldObject", bound) + `)`,
				Message:    "only Crossplane may set " + field + "." + bound,
			},
			{
				// It is the default too.
				Expression: `variables.admin || ` + at("object", updatePolicy) + `.orValue("Automatic") == "Automatic" ||
(request.operation == "UPDATE" && ` + at("object", updatePolicy) + ` == ` + at("oldObject", updatePolicy) + `)`,
				Message: field + "." + updatePolicy + " can only be Automatic",
			},
		},
	}

	for _, name := range []string{"compositionRevisionRef", "compositionRevisionSelector"} {
		p.Validations = append(p.Validations, admissionv1.Validation{
			Expression: `variables.admin || !` + at("object", name) + `.hasValue() ||
(request.operation == "UPDATE" && ` + at("object", name) + ` == ` + at("oldObject", name) + `)`,
			Message: "only Crossplane may set " + field + "." + name,
		})
	}

	return p
}

// isAdmin says whether a user may change a policy, and so could switch it off.
func isAdmin(policy string) string {
	return `authorizer.group("admissionregistration.k8s.io").resource("validatingadmissionpolicies").name("` + policy + `").check("update").allowed()`
}

func isUser(account string) string {
	return `request.userInfo.username == "` + manifest.Username(crossplaneNamespace, account) + `"`
}
