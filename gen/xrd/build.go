package xrd

import (
	"encoding/json"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xv2 "github.com/crossplane/crossplane/apis/v2/apiextensions/v2"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	kjson "sigs.k8s.io/json"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// syncOptions let Argo CD apply an XRD together with Crossplane's own CRDs, and keep it from
// deleting one with all that was asked for.
const syncOptions = manifest.SkipDryRun + "," + manifest.Keep

// Options of the generator.
type Options struct {
	// Versions maps the CRD's versions to the XRD's. One that is not mapped keeps its
	// name.
	Versions map[string]string

	// Composition of the composites behind claims.
	Composition string

	// NamespacedComposition is the Composition of namespaced composites. It cannot be
	// the claims' one: a Composition is for one kind of composite for ever.
	NamespacedComposition string
}

// Claims returns the XRD that offers claims.
func Claims(crd *extv1.CustomResourceDefinition, o Options) (*xv1.CompositeResourceDefinition, error) {
	versions, err := deriveVersions(crd, o.Versions)
	if err != nil {
		return nil, err
	}

	if err := addMessages(versions); err != nil {
		return nil, err
	}

	return newXRD(versions, xv1.CompositeResourceDefinitionSpec{
		Group: v1alpha1.Group,
		Names: extv1.CustomResourceDefinitionNames{
			Kind:   v1alpha1.CompositeKind,
			Plural: v1alpha1.CompositePlural,
		},
		ClaimNames: &extv1.CustomResourceDefinitionNames{
			Kind:   v1alpha1.Kind,
			Plural: v1alpha1.Plural,
		},
		ConnectionSecretKeys:   connectionKeys(),
		EnforcedCompositionRef: &xv1.CompositionReference{Name: o.Composition},
	})
}

// Namespaced returns the XRD of Crossplane 2's namespaced composites, in the form
// that Crossplane itself works on. It is served as ToV2 makes of it.
func Namespaced(crd *extv1.CustomResourceDefinition, o Options) (*xv1.CompositeResourceDefinition, error) {
	versions, err := deriveVersions(crd, o.Versions)
	if err != nil {
		return nil, err
	}

	for i := range versions {
		if err := addConnectionSecret(&versions[i]); err != nil {
			return nil, errors.Wrapf(err, "version %q", versions[i].Name)
		}
	}

	if err := addMessages(versions); err != nil {
		return nil, err
	}

	return newXRD(versions, xv1.CompositeResourceDefinitionSpec{
		Group: v1alpha1.Group,
		Scope: ptr.To(xv1.CompositeResourceScopeNamespaced),
		Names: extv1.CustomResourceDefinitionNames{
			Kind:   v1alpha1.Kind,
			Plural: v1alpha1.Plural,
		},
		EnforcedCompositionRef: &xv1.CompositionReference{Name: o.NamespacedComposition},
	})
}

func newXRD(versions []extv1.CustomResourceDefinitionVersion, spec xv1.CompositeResourceDefinitionSpec) (*xv1.CompositeResourceDefinition, error) {
	for _, v := range versions {
		raw, err := json.Marshal(v.Schema.OpenAPIV3Schema)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot marshal schema of version %q", v.Name)
		}

		xv := xv1.CompositeResourceDefinitionVersion{
			Name:                     v.Name,
			Served:                   true,
			Referenceable:            v.Storage,
			DeprecationWarning:       v.DeprecationWarning,
			Schema:                   &xv1.CompositeResourceValidation{OpenAPIV3Schema: runtime.RawExtension{Raw: raw}},
			AdditionalPrinterColumns: v.AdditionalPrinterColumns,
		}

		if v.Deprecated {
			xv.Deprecated = new(true)
		}

		if v.Subresources != nil && v.Subresources.Scale != nil {
			xv.Subresources = &xv1.CompositeResourceDefinitionVersionSubresources{Scale: v.Subresources.Scale}
		}

		spec.Versions = append(spec.Versions, xv)
	}

	return &xv1.CompositeResourceDefinition{
		TypeMeta: metav1.TypeMeta{APIVersion: xv1.SchemeGroupVersion.String(), Kind: xv1.CompositeResourceDefinitionKind},
		ObjectMeta: metav1.ObjectMeta{
			Name:        spec.Names.Plural + "." + spec.Group,
			Annotations: map[string]string{manifest.AnnotationSyncOptions: syncOptions},
		},
		Spec: spec,
	}, nil
}

// ToV2 expresses an XRD in Crossplane's v2 API. What that API has no field for is an
// error.
func ToV2(xrd *xv1.CompositeResourceDefinition) (*xv2.CompositeResourceDefinition, error) {
	b, err := json.Marshal(xrd)
	if err != nil {
		return nil, errors.Wrap(err, "cannot marshal XRD")
	}

	out := &xv2.CompositeResourceDefinition{}

	strict, err := kjson.UnmarshalStrict(b, out)
	if err := errors.Join(append(strict, err)...); err != nil {
		return nil, errors.Wrap(err, "cannot express XRD in API v2")
	}

	out.APIVersion = xv2.SchemeGroupVersion.String()

	return out, nil
}
