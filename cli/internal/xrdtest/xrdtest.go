// Package xrdtest derives what a Konflux cluster serves from the XRDs of this
// repository, for tests of what talks to one.
package xrdtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/xcrd"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

// An API is a form that Konflux clusters serve: claims, or v2 namespaced composites.
// It is the name of the XRD's file.
type API string

// Forms of the API.
const (
	Claims API = "claims"
	V2     API = "v2"
)

// APIs are all forms.
func APIs() []API { return []API{Claims, V2} }

// CRD returns the CRD that Crossplane would serve.
func CRD(t *testing.T, api API) *extv1.CustomResourceDefinition {
	t.Helper()

	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // That is how it is called.

	b, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "..", "xrd", string(api)+".yaml"))
	if err != nil {
		t.Fatal(err)
	}

	xrd := &xv1.CompositeResourceDefinition{}
	if err := yaml.UnmarshalStrict(b, xrd); err != nil {
		t.Fatalf("cannot parse XRD: %v", err)
	}

	derive := xcrd.ForCompositeResource
	if api == Claims {
		derive = xcrd.ForCompositeResourceClaim
	}

	crd, err := derive(xrd)
	if err != nil {
		t.Fatalf("cannot derive CRD: %v", err)
	}

	// It is owned by an XRD that does not exist.
	crd.SetOwnerReferences(nil)

	return crd
}

// Schema returns the schema of the claim's kind as an API server publishes it.
func Schema(t *testing.T, api API) *spec.Schema {
	t.Helper()

	crd := CRD(t, api)
	props := &apiextensions.JSONSchemaProps{}

	err := extv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, props, nil)
	if err != nil {
		t.Fatalf("cannot convert schema: %v", err)
	}

	structural, err := schema.NewStructural(props)
	if err != nil {
		t.Fatalf("cannot make a structural schema: %v", err)
	}

	out := structural.ToKubeOpenAPI()
	// API servers put a reference in place of what a CRD says of metadata.
	out.SetProperty("metadata", *spec.RefSchema("#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"))

	return out
}
