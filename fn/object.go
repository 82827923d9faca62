package main

import (
	"google.golang.org/protobuf/types/known/structpb"
)

// Management policies of Objects.
const (
	policyAll     = "*"
	policyObserve = "Observe"
)

// An objectKind is one of the two kinds of provider-kubernetes' Object.
type objectKind struct {
	apiVersion string

	// providerConfigKind is set where a reference must say it.
	providerConfigKind string
}

// objectKindFor returns the kind of Object that a composite can compose: a
// cluster-scoped one for a claim's, a namespaced one for a namespaced composite.
func objectKindFor(c composite) objectKind {
	if c.namespaced() {
		return objectKind{apiVersion: "kubernetes.m.crossplane.io/v1alpha1", providerConfigKind: "ClusterProviderConfig"}
	}

	return objectKind{apiVersion: "kubernetes.crossplane.io/v1alpha2"}
}

// An object is an Object of provider-kubernetes.
type object struct {
	kind        objectKind
	name        string
	namespace   string
	annotations map[string]string

	providerConfigName string
	policy             string
	manifest           *structpb.Value
	readiness          *structpb.Value
	watch              bool

	// connectionDetails are keys of the Secret that the manifest names, published
	// under the same key.
	connectionDetails []string

	connectionSecretName      string
	connectionSecretNamespace string
}

// resource returns the Object as a desired composed resource.
func (o object) resource() *structpb.Struct {
	providerConfig := fields{"name": structpb.NewStringValue(o.providerConfigName)}
	providerConfig.setString("kind", o.kind.providerConfigKind)

	spec := fields{
		"forProvider":        fields{"manifest": o.manifest}.value(),
		"managementPolicies": stringsValue(o.policy),
		"providerConfigRef":  providerConfig.value(),
	}

	if o.readiness != nil {
		spec["readiness"] = o.readiness
	}

	if o.watch {
		spec["watch"] = structpb.NewBoolValue(true)
	}

	if o.connectionSecretName != "" {
		spec["connectionDetails"] = o.connectionDetailsValue()

		ref := fields{"name": structpb.NewStringValue(o.connectionSecretName)}
		ref.setString("namespace", o.connectionSecretNamespace)
		spec["writeConnectionSecretToRef"] = ref.value()
	}

	meta := fields{"name": structpb.NewStringValue(o.name)}
	meta.setString("namespace", o.namespace)

	if len(o.annotations) > 0 {
		meta["annotations"] = stringMapValue(o.annotations)
	}

	return &structpb.Struct{Fields: fields{
		"apiVersion": structpb.NewStringValue(o.kind.apiVersion),
		"kind":       structpb.NewStringValue("Object"),
		"metadata":   meta.value(),
		"spec":       structpb.NewStructValue(&structpb.Struct{Fields: spec}),
	}}
}

func (o object) connectionDetailsValue() *structpb.Value {
	m := o.manifest.GetStructValue()
	details := make([]*structpb.Value, 0, len(o.connectionDetails))

	for _, key := range o.connectionDetails {
		details = append(details, fields{
			"apiVersion":            at(m, "apiVersion"),
			"kind":                  at(m, "kind"),
			"name":                  at(m, "metadata", "name"),
			"namespace":             at(m, "metadata", "namespace"),
			"fieldPath":             structpb.NewStringValue("data." + key),
			"toConnectionSecretKey": structpb.NewStringValue(key),
		}.value())
	}

	return listValue(details...)
}
