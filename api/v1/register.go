package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Names of the EphemeralCluster kind.
const (
	Group   = "ci.openshift.io"
	Version = "v1"
	Kind    = "EphemeralCluster"
)

var (
	// GroupVersion is the API group and version of EphemeralCluster.
	GroupVersion = schema.GroupVersion{Group: Group, Version: Version}

	// SchemeBuilder registers the types of this package.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds the types of this package to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &EphemeralCluster{}, &EphemeralClusterList{})
	metav1.AddToGroupVersion(s, GroupVersion)

	return nil
}
