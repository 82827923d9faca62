package tenant

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// providerGroup is the API group of the Objects that write the Secrets of namespaced
// composites.
const providerGroup = "kubernetes.m.crossplane.io/"

// madeFor reports whether a Secret's controller is the claim of a UID or, of a namespaced
// composite, the Object that writes its Secret and has that UID in its name.
func madeFor(controller *metav1.OwnerReference, claim types.UID) bool {
	if controller == nil || claim == "" {
		return false
	}

	return controller.UID == claim ||
		strings.HasPrefix(controller.APIVersion, providerGroup) && strings.Contains(controller.Name, string(claim))
}
