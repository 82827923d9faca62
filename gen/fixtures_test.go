package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

var update = flag.Bool("update", false, "write the golden files")

// crdFile is the CRD that tests start from, in the root of the project.
const crdFile = "api/crd/ci.openshift.io_ephemeralclusters.yaml"

// A definition is what one of the clusters has.
type definition interface {
	runtime.Object
	GetName() string
}

func loadCRD(t *testing.T) *extv1.CustomResourceDefinition {
	t.Helper()

	b, err := os.ReadFile(filepath.Join("..", crdFile))
	if err != nil {
		t.Fatal(err)
	}

	src, err := xrd.ParseSource(b)
	if err != nil {
		t.Fatalf("ParseSource(...): %v", err)
	}

	return src.CRD
}

func generated(t *testing.T, generate func(*extv1.CustomResourceDefinition, xrd.Options) (*xv1.CompositeResourceDefinition, error)) *xv1.CompositeResourceDefinition {
	t.Helper()

	x, err := generate(loadCRD(t), xrd.Options{Versions: map[string]string{"v1": "v1alpha1"}, Composition: "some", NamespacedComposition: "other"})
	if err != nil {
		t.Fatalf("cannot generate XRD: %v", err)
	}

	return x
}

// withoutRelative drops a field below the releases.
func withoutRelative(t *testing.T, x *xv1.CompositeResourceDefinition) *xv1.CompositeResourceDefinition {
	t.Helper()

	s := &extv1.JSONSchemaProps{}
	if err := json.Unmarshal(x.Spec.Versions[0].Schema.OpenAPIV3Schema.Raw, s); err != nil {
		t.Fatal(err)
	}

	delete(s.Properties["spec"].Properties["ciOperator"].Properties["releases"].AdditionalProperties.Schema.Properties["release"].Properties, "relative")

	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}

	x.Spec.Versions[0].Schema.OpenAPIV3Schema.Raw = b

	return x
}

// breaking changes a CRD so that requests that were valid are not.
func breaking(crd *extv1.CustomResourceDefinition) *extv1.CustomResourceDefinition {
	test := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["ciOperator"].Properties["test"]
	test.Required = []string{"workflow"}

	profile := test.Properties["clusterProfile"]
	profile.Enum = []extv1.JSON{{Raw: []byte(`"aws"`)}, {Raw: []byte(`"gcp"`)}}
	test.Properties["clusterProfile"] = profile
	delete(test.Properties, "env")

	crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["ciOperator"].Properties["test"] = test

	return crd
}

func fakeCluster(t *testing.T, objs ...definition) *dynamicfake.FakeDynamicClient {
	t.Helper()

	c := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		live.CRDs(): "CustomResourceDefinitionList",
		live.XRDs(): "CompositeResourceDefinitionList",
	})

	for _, o := range objs {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}

		u := &unstructured.Unstructured{Object: content}
		gvr := live.XRDs()

		if _, ok := o.(*extv1.CustomResourceDefinition); ok {
			u.SetGroupVersionKind(extv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"))

			gvr = live.CRDs()
		}

		if err := c.Tracker().Create(gvr, u, ""); err != nil {
			t.Fatal(err)
		}
	}

	return c
}

// failing makes a cluster answer with an error when it is asked for a resource.
func failing(c *dynamicfake.FakeDynamicClient, gvr schema.GroupVersionResource, err error) *dynamicfake.FakeDynamicClient {
	c.PrependReactor("get", gvr.Resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })

	return c
}

// codeOf is what the program exits with.
func codeOf(err error) int {
	var coded interface{ ExitCode() int }

	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.ExitCode()
	}

	return -1
}

// golden returns the content of a golden file, which -update writes.
func golden(t *testing.T, name string, got []byte) string {
	t.Helper()

	path := filepath.Join("testdata", "golden", name)

	if *update {
		if err := os.MkdirAll(filepath.Dir(path), modeDir); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(path, got, modeFile); err != nil {
			t.Fatal(err)
		}
	}

	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}
