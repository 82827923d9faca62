package main

import (
	clusterobject "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	namespacedobject "github.com/crossplane-contrib/provider-kubernetes/apis/namespaced/object/v1alpha1"
	xpv2 "github.com/crossplane/crossplane/apis/v2/core/v2"
	"google.golang.org/protobuf/types/known/structpb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Management policies of Objects.
const (
	policyAll     = string(xpv2.ManagementActionAll)
	policyObserve = string(xpv2.ManagementActionObserve)
)

// kindClusterProviderConfig is the cluster-scoped one of the two that a namespaced
// Object may name.
const kindClusterProviderConfig = "ClusterProviderConfig"

// An object is an Object of provider-kubernetes: a namespaced one if it has a
// namespace, and else a cluster-scoped one.
type object struct {
	name        string
	namespace   string
	annotations map[string]string

	providerConfigName string
	policy             string
	manifest           *structpb.Value
	watch              bool

	// readyQuery makes the provider's readiness follow it.
	readyQuery string

	// connectionDetails are keys of the Secret that the manifest names, published
	// under the same key.
	connectionDetails []string

	connectionSecretName      string
	connectionSecretNamespace string
}

// resource returns the Object as a desired composed resource. Its manifest is large,
// and already in the form that it is wanted in: only the envelope is converted.
func (o object) resource() (*structpb.Struct, error) {
	u, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.envelope())
	if err != nil {
		return nil, err
	}

	// These are converted although they are empty.
	delete(u, "status")

	if o.readyQuery == "" {
		unstructured.RemoveNestedField(u, "spec", "readiness")
	}

	s, err := structpb.NewStruct(u)
	if err != nil {
		return nil, err
	}

	structAt(s, "spec", "forProvider").Fields["manifest"] = o.manifest

	return s, nil
}

// envelope returns the Object without its manifest.
func (o object) envelope() runtime.Object {
	meta := metav1.ObjectMeta{Name: o.name, Namespace: o.namespace, Annotations: o.annotations}

	if o.namespace != "" {
		return &namespacedobject.Object{
			TypeMeta:   metav1.TypeMeta{APIVersion: namespacedobject.SchemeGroupVersion.String(), Kind: namespacedobject.ObjectKind},
			ObjectMeta: meta,
			Spec:       o.namespacedSpec(),
		}
	}

	return &clusterobject.Object{
		TypeMeta:   metav1.TypeMeta{APIVersion: clusterobject.SchemeGroupVersion.String(), Kind: clusterobject.ObjectKind},
		ObjectMeta: meta,
		Spec:       o.clusterSpec(),
	}
}

func (o object) namespacedSpec() namespacedobject.ObjectSpec {
	spec := namespacedobject.ObjectSpec{
		ManagedResourceSpec: xpv2.ManagedResourceSpec{
			ManagementPolicies:      xpv2.ManagementPolicies{xpv2.ManagementAction(o.policy)},
			ProviderConfigReference: &xpv2.ProviderConfigReference{Kind: kindClusterProviderConfig, Name: o.providerConfigName},
		},
		Watch: o.watch,
	}

	if o.readyQuery != "" {
		spec.Readiness = namespacedobject.Readiness{Policy: namespacedobject.ReadinessPolicyDeriveFromCelQuery, CelQuery: o.readyQuery}
	}

	if o.connectionSecretName != "" {
		spec.WriteConnectionSecretToReference = &xpv2.LocalSecretReference{Name: o.connectionSecretName}
	}

	for _, key := range o.connectionDetails {
		spec.ConnectionDetails = append(spec.ConnectionDetails, namespacedobject.ConnectionDetail{ObjectReference: o.manifestField(key), ToConnectionSecretKey: key})
	}

	return spec
}

func (o object) clusterSpec() clusterobject.ObjectSpec {
	spec := clusterobject.ObjectSpec{
		ClusterManagedResourceSpec: xpv2.ClusterManagedResourceSpec{
			ManagementPolicies:      xpv2.ManagementPolicies{xpv2.ManagementAction(o.policy)},
			ProviderConfigReference: &xpv2.Reference{Name: o.providerConfigName},
		},
		Watch: o.watch,
	}

	if o.readyQuery != "" {
		spec.Readiness = clusterobject.Readiness{Policy: clusterobject.ReadinessPolicyDeriveFromCelQuery, CelQuery: o.readyQuery}
	}

	if o.connectionSecretName != "" {
		spec.WriteConnectionSecretToReference = &xpv2.SecretReference{Name: o.connectionSecretName, Namespace: o.connectionSecretNamespace}
	}

	for _, key := range o.connectionDetails {
		spec.ConnectionDetails = append(spec.ConnectionDetails, clusterobject.ConnectionDetail{ObjectReference: o.manifestField(key), ToConnectionSecretKey: key})
	}

	return spec
}

// manifestField refers to a key of the Secret that the manifest names.
func (o object) manifestField(key string) corev1.ObjectReference {
	m := o.manifest.GetStructValue()

	return corev1.ObjectReference{
		APIVersion: stringAt(m, "apiVersion"),
		Kind:       stringAt(m, "kind"),
		Name:       stringAt(m, "metadata", "name"),
		Namespace:  stringAt(m, "metadata", "namespace"),
		FieldPath:  "data." + key,
	}
}
