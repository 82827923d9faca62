package xrd

import (
	"maps"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xcrd"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/utils/ptr"
)

// Asked returns, by version, what the CRD of EphemeralCluster lets one ask for and,
// in the status, what a tenant is shown of it.
func Asked(crd *extv1.CustomResourceDefinition) map[string]*extv1.JSONSchemaProps {
	out := Served(crd)

	for _, s := range out {
		if status, ok := s.Properties[propStatus]; ok {
			s.Properties[propStatus] = deriveStatus(status)
		}
	}

	return out
}

// Offered returns the same of what Crossplane serves to tenants for an XRD: the claim
// or, where there is none, the composite.
func Offered(xrd *xv1.CompositeResourceDefinition) (map[string]*extv1.JSONSchemaProps, error) {
	served, err := Serve(xrd)
	if err != nil {
		return nil, err
	}

	return OfferedBy(xrd, served[len(served)-1])
}

// OfferedBy returns the same of a CRD that Crossplane serves for an XRD. Whatever the
// XRD does not have is Crossplane's own, in whichever version of it, and left out.
func OfferedBy(xrd *xv1.CompositeResourceDefinition, crd *extv1.CustomResourceDefinition) (map[string]*extv1.JSONSchemaProps, error) {
	out := Served(crd)

	for _, v := range xrd.Spec.Versions {
		s, ok := out[v.Name]
		if !ok || v.Schema == nil {
			continue
		}

		raw, err := parseSchema(v.Schema.OpenAPIV3Schema.Raw)
		if err != nil {
			return nil, errors.Wrapf(err, "version %q", v.Name)
		}

		spec, status := ownFields(xrd)

		keepFields(s, raw, propSpec, spec)
		keepFields(s, raw, propStatus, status)
	}

	return out, nil
}

// Served returns the schemas of the versions that a CRD serves, without what they say
// outside of the spec and the status.
func Served(crd *extv1.CustomResourceDefinition) map[string]*extv1.JSONSchemaProps {
	out := map[string]*extv1.JSONSchemaProps{}

	for _, v := range crd.Spec.Versions {
		if v.Served && v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			out[v.Name] = reduce(v.Schema.OpenAPIV3Schema)
		}
	}

	return out
}

func reduce(in *extv1.JSONSchemaProps) *extv1.JSONSchemaProps {
	out := &extv1.JSONSchemaProps{
		Type:         in.Type,
		XValidations: slices.Clone(in.XValidations),
		Properties:   map[string]extv1.JSONSchemaProps{},
	}

	for _, name := range []string{propSpec, propStatus} {
		if p, ok := in.Properties[name]; ok {
			out.Properties[name] = *p.DeepCopy()
		}
	}

	return out
}

// ownFields are the fields that are not a tenant's request, but Crossplane's or, of
// the same meaning, our own.
func ownFields(xrd *xv1.CompositeResourceDefinition) (spec, status []string) {
	if xrd.Spec.ClaimNames != nil {
		return slices.Collect(maps.Keys(xcrd.CompositeResourceClaimSpecProps(nil))),
			append(slices.Collect(maps.Keys(xcrd.CompositeResourceStatusProps(xv1.CompositeResourceScopeLegacyCluster))), propMessage)
	}

	scope := ptr.Deref(xrd.Spec.Scope, xv1.CompositeResourceScopeLegacyCluster)
	spec = append(slices.Collect(maps.Keys(xcrd.CompositeResourceSpecProps(scope, nil))), propConnectionSecret)

	return spec, append(slices.Collect(maps.Keys(xcrd.CompositeResourceStatusProps(scope))), propMessage)
}

// keepFields drops from a property the fields that an XRD's schema does not have, and
// some more.
func keepFields(s, raw *extv1.JSONSchemaProps, property string, drop []string) {
	maps.DeleteFunc(s.Properties[property].Properties, func(name string, _ extv1.JSONSchemaProps) bool {
		_, ok := raw.Properties[property].Properties[name]

		return !ok || slices.Contains(drop, name)
	})
}
