package main

import (
	"encoding/base64"
	"fmt"

	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// resourceSecret is the tenant's Secret, for namespaced composites: Crossplane
	// writes one for claims only.
	resourceSecret = "connection-secret"

	// typeConnectionSecret is what Crossplane gives the Secrets of claims.
	typeConnectionSecret = "connection.crossplane.io/v1alpha1"
)

// tenantSecret is the Secret that a namespaced composite's credentials are written
// to.
type tenantSecret struct {
	name string

	// observed is the Secret as composed before.
	observed *structpb.Struct

	// asked is true once it is known what there is of its name.
	asked bool

	// found is what there is, composed or not.
	found *structpb.Struct

	// ours is true when what was found is controlled by the composite.
	ours bool
}

// tenantSecretFrom reads the Secret of a namespaced composite. A claim has none.
func tenantSecretFrom(req *fnv1.RunFunctionRequest, c composite) tenantSecret {
	if !c.namespaced() {
		return tenantSecret{}
	}

	s := tenantSecret{name: stringAt(c.spec, "writeConnectionSecretToRef", "name")}
	if s.name == "" {
		s.name = c.name + "-" + v1.KeyKubeconfig
	}

	if s.observed = req.GetObserved().GetResources()[resourceSecret].GetResource(); s.observed != nil {
		// Crossplane does not rename what it composed.
		setUnlessEmpty(&s.name, stringAt(s.observed, "metadata", "name"))

		return s
	}

	var answer *fnv1.Resources

	answer, s.asked = req.GetRequiredResources()[s.requirement()]
	for _, item := range answer.GetItems() {
		s.found = item.GetResource()
		s.ours = controlledBy(s.found, c.uid)
	}

	return s
}

// controlledBy reports whether an object's controller has a UID.
func controlledBy(o *structpb.Struct, uid string) bool {
	for _, v := range listAt(o, "metadata", "ownerReferences") {
		ref := v.GetStructValue()
		if controller, _ := boolAt(ref, "controller"); controller && uid != "" && stringAt(ref, "uid") == uid {
			return true
		}
	}

	return false
}

// requirement is the name under which to ask for what there is of the Secret's name.
// It holds that name: an answer is not to be taken for that of another name.
func (s tenantSecret) requirement() string { return resourceSecret + "/" + s.name }

// require asks for what there is of the Secret's name, until it was composed.
func (s tenantSecret) require(rsp *fnv1.RunFunctionResponse, c composite) {
	if !c.namespaced() || s.observed != nil || s.invalid() {
		return
	}

	require(rsp, s.requirement(), &fnv1.ResourceSelector{
		ApiVersion: "v1",
		Kind:       "Secret",
		Namespace:  &c.namespace,
		Match:      &fnv1.ResourceSelector_MatchName{MatchName: s.name},
	})
}

func (s tenantSecret) invalid() bool { return len(validation.IsDNS1123Subdomain(s.name)) > 0 }

// mayWrite reports whether the Secret is ours to write: composed before, known not
// to exist, or controlled by the composite.
func (s tenantSecret) mayWrite() bool {
	return s.observed != nil || s.asked && !s.invalid() && (s.found == nil || s.ours)
}

// problem says why the Secret will not be written, or returns no reason.
func (s tenantSecret) problem() (reason, message string) {
	switch {
	case s.name == "" || s.mayWrite():
		return "", ""
	case s.invalid():
		return v1alpha1.ReasonInvalidSecretName, fmt.Sprintf("%q is not a name for a Secret: set spec.writeConnectionSecretToRef.name", s.name)
	case s.found != nil:
		return v1alpha1.ReasonNotOurs, fmt.Sprintf("Secret %q was not made for this request and is left as it is: set another spec.writeConnectionSecretToRef.name", s.name)
	default:
		return "", ""
	}
}

// details are the credentials that the Secret has.
func (s tenantSecret) details() map[string][]byte {
	details := map[string][]byte{}

	for _, key := range []string{v1.KeyKubeconfig, v1.KeyKubeAdminPassword} {
		// What does not decode was not written by us, and is not passed on.
		if b, err := base64.StdEncoding.DecodeString(stringAt(s.observed, "data", key)); err == nil {
			details[key] = b
		}
	}

	return details
}

// resource returns the Secret as a desired composed resource.
func (s tenantSecret) resource(c composite, details map[string][]byte) *structpb.Struct {
	data := fields{}
	for _, key := range []string{v1.KeyKubeconfig, v1.KeyKubeAdminPassword} {
		data[key] = structpb.NewStringValue(base64.StdEncoding.EncodeToString(details[key]))
	}

	return &structpb.Struct{Fields: fields{
		"apiVersion": structpb.NewStringValue("v1"),
		"kind":       structpb.NewStringValue("Secret"),
		"metadata":   stringMapValue(map[string]string{"name": s.name, "namespace": c.namespace}),
		"type":       structpb.NewStringValue(typeConnectionSecret),
		"data":       data.value(),
	}}
}
