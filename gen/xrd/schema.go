package xrd

import (
	"reflect"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xcrd"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	propMetadata   = "metadata"
	propSpec       = "spec"
	propStatus     = "status"
	propConditions = "conditions"

	// propConnectionSecret names the Secret that credentials are written to.
	propConnectionSecret = "writeConnectionSecretToRef"

	// propMessage says in the status what there is to say of a request.
	propMessage = v1alpha1.StatusMessage

	// formatPassword is OpenAPI's mark of a string that is not to be shown.
	formatPassword = "password"
)

// connectionKeys are the keys of the Secret that a tenant gets.
func connectionKeys() []string {
	return []string{v1.KeyKubeconfig, v1.KeyKubeAdminPassword}
}

// deriveVersions maps the served versions of EphemeralCluster one to one to versions
// of TestPlatformCluster.
func deriveVersions(crd *extv1.CustomResourceDefinition, names map[string]string) ([]extv1.CustomResourceDefinitionVersion, error) {
	// The webhook would be asked from another cluster than the one it is on.
	if c := crd.Spec.Conversion; c != nil && c.Strategy == extv1.WebhookConverter {
		return nil, FieldError{Path: "conversion", Reason: "the CRD's webhook cannot be reached from a Konflux cluster"}
	}

	out := make([]extv1.CustomResourceDefinitionVersion, 0, len(crd.Spec.Versions))
	from := map[string]string{}

	for _, v := range crd.Spec.Versions {
		if !v.Served {
			if v.Storage {
				return nil, errors.Errorf("version %q: the CRD stores it but does not serve it, which an XRD cannot", v.Name)
			}

			continue
		}

		d, err := deriveVersion(v)
		if err != nil {
			return nil, errors.Wrapf(err, "version %q", v.Name)
		}

		if name, ok := names[v.Name]; ok {
			d.Name = name
		}

		if other, ok := from[d.Name]; ok {
			return nil, errors.Errorf("version %q: version %q is already named %q in the XRD", v.Name, other, d.Name)
		}

		from[d.Name] = v.Name

		out = append(out, *d)
	}

	return out, nil
}

func deriveVersion(in extv1.CustomResourceDefinitionVersion) (*extv1.CustomResourceDefinitionVersion, error) {
	if in.Schema == nil || in.Schema.OpenAPIV3Schema == nil {
		return nil, errors.New("the CRD has no schema")
	}

	if len(in.SelectableFields) > 0 {
		return nil, FieldError{Path: "selectableFields", Reason: "an XRD cannot have them"}
	}

	out := in.DeepCopy()
	out.AdditionalPrinterColumns = deriveColumns(in.AdditionalPrinterColumns, in.Schema.OpenAPIV3Schema.Properties[propStatus])

	s, err := deriveSchema(in.Schema.OpenAPIV3Schema)
	out.Schema.OpenAPIV3Schema = s

	return out, err
}

// deriveSchema turns a schema of EphemeralCluster into that of TestPlatformCluster.
// It leaves everything in that Crossplane might drop: that is for a comparison with
// what Crossplane serves to find.
func deriveSchema(in *extv1.JSONSchemaProps) (*extv1.JSONSchemaProps, error) {
	out := in.DeepCopy()
	out.Description = v1alpha1.Kind + " asks OpenShift CI for a short-lived cluster."

	// These are the API server's own, whatever a schema says of them.
	delete(out.Properties, "apiVersion")
	delete(out.Properties, "kind")

	out.Required = without(out.Required, "apiVersion", "kind", propMetadata)

	if reflect.DeepEqual(out.Properties[propMetadata], extv1.JSONSchemaProps{Type: "object"}) {
		delete(out.Properties, propMetadata)
	}

	spec, ok := out.Properties[propSpec]
	if !ok {
		return nil, FieldError{Path: propSpec, Reason: "the CRD has no schema for it"}
	}

	// It survives in what Crossplane serves, and would let a claim carry fields that
	// are Crossplane's alone, such as the references of a composite.
	if spec.XPreserveUnknownFields != nil {
		return nil, FieldError{Path: propSpec, Reason: "x-kubernetes-preserve-unknown-fields at its root would let a claim set Crossplane's own fields"}
	}

	if status, ok := out.Properties[propStatus]; ok {
		out.Properties[propStatus] = deriveStatus(status)
	}

	return out, nil
}

// deriveStatus leaves out the credentials, and what cannot hold of a composite whose
// status Crossplane writes before the first field of ours is known.
func deriveStatus(in extv1.JSONSchemaProps) extv1.JSONSchemaProps {
	props := map[string]extv1.JSONSchemaProps{}

	for name, p := range in.Properties {
		if name == propConditions || isCredential(name, p) {
			continue
		}

		props[name] = p
	}

	return extv1.JSONSchemaProps{Type: in.Type, Description: in.Description, Properties: props}
}

func isCredential(name string, p extv1.JSONSchemaProps) bool {
	return p.Format == formatPassword || slices.Contains(connectionKeys(), name)
}

// addConnectionSecret adds to a version what Crossplane adds for claims but not for
// namespaced composites, so that the same YAML works as either.
func addConnectionSecret(v *extv1.CustomResourceDefinitionVersion) error {
	spec := v.Schema.OpenAPIV3Schema.Properties[propSpec]
	if _, ok := spec.Properties[propConnectionSecret]; ok {
		return FieldError{Path: propSpec + "." + propConnectionSecret, Reason: "the tenant's Secret is named by a field of this name, which takes its place"}
	}

	ref := xcrd.CompositeResourceClaimSpecProps(nil)[propConnectionSecret]
	ref.Description = "The Secret, in the namespace of this object, that the cluster's credentials are written to."

	if spec.Properties == nil {
		spec.Properties = map[string]extv1.JSONSchemaProps{}
	}

	spec.Properties[propConnectionSecret] = ref
	v.Schema.OpenAPIV3Schema.Properties[propSpec] = spec

	v.AdditionalPrinterColumns = append(v.AdditionalPrinterColumns, extv1.CustomResourceColumnDefinition{
		Name:     "Connection-Secret",
		Type:     "string",
		JSONPath: ".spec." + propConnectionSecret + ".name",
	})

	return nil
}

// addMessages adds to each version why a request waits, or failed: an EphemeralCluster
// cannot say that app.ci refuses it. It is a column too.
func addMessages(versions []extv1.CustomResourceDefinitionVersion) error {
	for i := range versions {
		status := versions[i].Schema.OpenAPIV3Schema.Properties[propStatus]
		if _, ok := status.Properties[propMessage]; ok {
			return errors.Wrapf(FieldError{Path: propStatus + "." + propMessage, Reason: "what there is to say of a request is in a field of this name, which takes its place"}, "version %q", versions[i].Name)
		}

		if status.Properties == nil {
			status.Type, status.Properties = "object", map[string]extv1.JSONSchemaProps{}
		}

		status.Properties[propMessage] = extv1.JSONSchemaProps{
			Type:        "string",
			Description: "Message says why the request waits or has failed. It is of the condition that counts most.",
		}
		versions[i].Schema.OpenAPIV3Schema.Properties[propStatus] = status

		versions[i].AdditionalPrinterColumns = append(versions[i].AdditionalPrinterColumns, extv1.CustomResourceColumnDefinition{
			Name:     "Message",
			Type:     "string",
			JSONPath: ".status." + propMessage,
		})
	}

	return nil
}

// deriveColumns leaves out the columns that Crossplane adds itself, and those of
// credentials.
func deriveColumns(in []extv1.CustomResourceColumnDefinition, status extv1.JSONSchemaProps) []extv1.CustomResourceColumnDefinition {
	skip := map[string]bool{}

	for _, c := range xcrd.CompositeResourceClaimPrinterColumns() {
		skip[c.JSONPath] = true
	}

	for _, c := range xcrd.CompositeResourcePrinterColumns(xv1.CompositeResourceScopeNamespaced) {
		skip[c.JSONPath] = true
	}

	for name, p := range status.Properties {
		if isCredential(name, p) {
			skip[".status."+name] = true
		}
	}

	var out []extv1.CustomResourceColumnDefinition

	for _, c := range in {
		if !skip[strings.TrimSpace(c.JSONPath)] {
			out = append(out, c)
		}
	}

	return out
}

func without(in []string, names ...string) []string {
	return slices.DeleteFunc(in, func(s string) bool { return slices.Contains(names, s) })
}
