package konflux

import (
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	protectionv1beta1 "github.com/crossplane/crossplane/apis/v2/protection/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

// Names of usages. What each API mode has of its own has a usage of its own: Crossplane
// goes by what a usage is of, and one that moved to the other mode's would leave this
// mode's to be deleted.
const (
	usageDefinition    = "testplatform-definition-"
	usageConfiguration = "testplatform-configuration-"
	usageFunction      = "testplatform-function"
	usageProvider      = "testplatform-provider"
)

// whyInUse is what whoever deletes too early is told.
const whyInUse = "clusters live by it: end them all, and delete this usage, as deploy/README.md has it"

// usages make Crossplane refuse the deletion of what live clusters depend on: without
// the XRD they would all end at once, and without a package they could not end.
// Kubernetes cannot tell whether there are any, so a person has to.
func usages(m environments.Mode) []any {
	return []any{
		usage(usageDefinition+string(m), xv1.SchemeGroupVersion.String(), xv1.CompositeResourceDefinitionKind, DefinitionName(m)),
		usage(usageFunction, pkgv1.SchemeGroupVersion.String(), pkgv1.FunctionKind, v1alpha1.FunctionName),
		usage(usageProvider, pkgv1.SchemeGroupVersion.String(), pkgv1.ProviderKind, ProviderName),
	}
}

func usage(name, apiVersion, kind, of string) *protectionv1beta1.ClusterUsage {
	return &protectionv1beta1.ClusterUsage{
		TypeMeta:   metav1.TypeMeta{APIVersion: protectionv1beta1.SchemeGroupVersion.String(), Kind: protectionv1beta1.ClusterUsageKind},
		ObjectMeta: keptMeta(name),
		Spec: protectionv1beta1.ClusterUsageSpec{
			Of:     protectionv1beta1.Resource{APIVersion: apiVersion, Kind: kind, ResourceRef: &protectionv1beta1.ResourceRef{Name: of}},
			Reason: new(whyInUse),
		},
	}
}

// DefinitionName is the name of an API mode's XRD.
func DefinitionName(m environments.Mode) string {
	if m == environments.V2 {
		return v1alpha1.Plural + "." + v1alpha1.Group
	}

	return v1alpha1.CompositePlural + "." + v1alpha1.Group
}
