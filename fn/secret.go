package main

import (
	"fmt"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// requirementClaim and requirementSecret name what is asked for until something was
	// created: the claim, which alone says where its credentials go, and what there is of
	// the name that a namespaced composite says. They are followed by the name: an answer
	// is not to be taken for that about another one.
	requirementClaim  = "claim"
	requirementSecret = "connection-secret"

	// typeConnectionSecret is what Crossplane and its providers give the Secrets that
	// they write.
	typeConnectionSecret = "connection.crossplane.io/v1alpha1"
)

// A tenantSecret is the Secret that the tenant wants the credentials in. It is written
// by Crossplane for a claim, and by provider-kubernetes for a namespaced composite, and
// both leave a Secret alone that is another's. What is known here is only to tell that
// before a cluster is made whose credentials nobody can have.
//
// For claims, Secrets are not asked for: Crossplane watches the kind of what a function
// requires, and would hold the Secrets of all tenants for that.
type tenantSecret struct {
	// name is that of a namespaced composite's.
	name string

	// unnamed is true for a claim that is known to name none.
	unnamed bool

	// taken is true when there is a Secret of this name that will not be written to.
	taken bool
}

func tenantSecretFrom(req *fnv1.RunFunctionRequest, c composite) tenantSecret {
	if c.namespaced() {
		s := tenantSecret{name: secretNameOf(c)}
		found := answer(req, secretRequirement(s.name))
		s.taken = found != nil && !controllable(found, c.uid) && stringAt(c.status, statusSecretRef) != s.name

		return s
	}

	claim := answer(req, claimRequirement(c))

	return tenantSecret{unnamed: claim != nil && stringAt(claim, "spec", "writeConnectionSecretToRef", "name") == ""}
}

// secretNameOf returns where a namespaced composite's credentials go.
func secretNameOf(c composite) string {
	if name := stringAt(c.spec, "writeConnectionSecretToRef", "name"); name != "" {
		return name
	}

	return c.name + "-" + v1.KeyKubeconfig
}

// answer returns the object that was required, or nil.
func answer(req *fnv1.RunFunctionRequest, requirement string) *structpb.Struct {
	items := req.GetRequiredResources()[requirement].GetItems()
	if len(items) == 0 {
		return nil
	}

	return items[0].GetResource()
}

// controllable reports whether an existing Secret would be written to for an owner, as
// Crossplane's runtime has it.
func controllable(secret *structpb.Struct, owner string) bool {
	for _, v := range listAt(secret, "metadata", "ownerReferences") {
		ref := v.GetStructValue()
		if controller, _ := boolAt(ref, "controller"); controller {
			return owner != "" && stringAt(ref, "uid") == owner
		}
	}

	return stringAt(secret, "type") == typeConnectionSecret
}

func claimRequirement(c composite) string {
	return requirementClaim + "/" + stringAt(c.spec, "claimRef", "name")
}

func secretRequirement(name string) string { return requirementSecret + "/" + name }

// requireSecret asks for the claim or, of a namespaced composite, for what there is of
// its Secret's name.
func requireSecret(rsp *fnv1.RunFunctionResponse, c composite, s tenantSecret) {
	name := stringAt(c.spec, "claimRef", "name")

	switch {
	case c.namespaced() && !s.invalid():
		require(rsp, secretRequirement(s.name), &fnv1.ResourceSelector{
			ApiVersion: "v1",
			Kind:       "Secret",
			Namespace:  &c.namespace,
			Match:      &fnv1.ResourceSelector_MatchName{MatchName: s.name},
		})
	case !c.namespaced() && name != "" && c.tenant != "":
		require(rsp, claimRequirement(c), &fnv1.ResourceSelector{
			ApiVersion: v1alpha1.Group + "/" + v1alpha1.Version,
			Kind:       v1alpha1.Kind,
			Namespace:  &c.tenant,
			Match:      &fnv1.ResourceSelector_MatchName{MatchName: name},
		})
	}
}

func (s tenantSecret) invalid() bool {
	return s.name != "" && len(validation.IsDNS1123Subdomain(s.name)) > 0
}

// problem says why the credentials cannot be written, or returns no reason.
func (s tenantSecret) problem() (reason, message string) {
	switch {
	case s.unnamed:
		return v1alpha1.ReasonInvalidRequest, "spec.writeConnectionSecretToRef.name: Required value: names the Secret that the credentials are written to"
	case s.invalid():
		return v1alpha1.ReasonInvalidRequest, invalidNameMessage(s.name)
	case s.taken:
		return v1alpha1.ReasonSecretTaken, takenMessage(s.name)
	default:
		return "", ""
	}
}

func invalidNameMessage(name string) string {
	return fmt.Sprintf("%q is not a name for a Secret: set spec.writeConnectionSecretToRef.name", name)
}

func takenMessage(name string) string {
	return fmt.Sprintf("Secret %q was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name", name)
}
