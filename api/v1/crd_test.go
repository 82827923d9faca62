package v1

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// fieldsOfClients are the fields that deployed clients write and read, with their
// types; those that are required end in an asterisk.
const fieldsOfClients = `
metadata* object
spec* object
spec.ciOperator* object
spec.ciOperator.baseImages object
spec.ciOperator.baseImages.{} object
spec.ciOperator.baseImages.{}.as string
spec.ciOperator.baseImages.{}.name* string
spec.ciOperator.baseImages.{}.namespace* string
spec.ciOperator.baseImages.{}.tag* string
spec.ciOperator.buildRoot object
spec.ciOperator.buildRoot.from_repository boolean
spec.ciOperator.buildRoot.image_stream_tag object
spec.ciOperator.buildRoot.image_stream_tag.as string
spec.ciOperator.buildRoot.image_stream_tag.name* string
spec.ciOperator.buildRoot.image_stream_tag.namespace* string
spec.ciOperator.buildRoot.image_stream_tag.tag* string
spec.ciOperator.buildRoot.project_image object
spec.ciOperator.buildRoot.project_image.build_args array
spec.ciOperator.buildRoot.project_image.build_args[] object
spec.ciOperator.buildRoot.project_image.build_args[].name string
spec.ciOperator.buildRoot.project_image.build_args[].value string
spec.ciOperator.buildRoot.project_image.context_dir string
spec.ciOperator.buildRoot.project_image.dockerfile_literal string
spec.ciOperator.buildRoot.project_image.dockerfile_path string
spec.ciOperator.buildRoot.project_image.inputs object
spec.ciOperator.buildRoot.project_image.inputs.{} object
spec.ciOperator.buildRoot.project_image.inputs.{}.as array
spec.ciOperator.buildRoot.project_image.inputs.{}.as[] string
spec.ciOperator.buildRoot.project_image.inputs.{}.paths array
spec.ciOperator.buildRoot.project_image.inputs.{}.paths[] object
spec.ciOperator.buildRoot.project_image.inputs.{}.paths[].destination_dir* string
spec.ciOperator.buildRoot.project_image.inputs.{}.paths[].source_path* string
spec.ciOperator.buildRoot.project_image.ref string
spec.ciOperator.buildRoot.use_build_cache boolean
spec.ciOperator.externalImages object
spec.ciOperator.externalImages.{} object
spec.ciOperator.externalImages.{}.as string
spec.ciOperator.externalImages.{}.name* string
spec.ciOperator.externalImages.{}.namespace* string
spec.ciOperator.externalImages.{}.pull_secret string
spec.ciOperator.externalImages.{}.pull_spec string
spec.ciOperator.externalImages.{}.registry* string
spec.ciOperator.externalImages.{}.tag* string
spec.ciOperator.releases object
spec.ciOperator.releases.{} object
spec.ciOperator.releases.{}.candidate object
spec.ciOperator.releases.{}.candidate.architecture string
spec.ciOperator.releases.{}.candidate.product* string
spec.ciOperator.releases.{}.candidate.relative integer
spec.ciOperator.releases.{}.candidate.stream* string
spec.ciOperator.releases.{}.candidate.version* string
spec.ciOperator.releases.{}.integration object
spec.ciOperator.releases.{}.integration.include_built_images boolean
spec.ciOperator.releases.{}.integration.name* string
spec.ciOperator.releases.{}.integration.namespace* string
spec.ciOperator.releases.{}.integration.reference_policy string
spec.ciOperator.releases.{}.prerelease object
spec.ciOperator.releases.{}.prerelease.architecture string
spec.ciOperator.releases.{}.prerelease.product* string
spec.ciOperator.releases.{}.prerelease.relative integer
spec.ciOperator.releases.{}.prerelease.version_bounds* object
spec.ciOperator.releases.{}.prerelease.version_bounds.lower* string
spec.ciOperator.releases.{}.prerelease.version_bounds.stream string
spec.ciOperator.releases.{}.prerelease.version_bounds.upper* string
spec.ciOperator.releases.{}.release object
spec.ciOperator.releases.{}.release.architecture string
spec.ciOperator.releases.{}.release.channel* string
spec.ciOperator.releases.{}.release.relative integer
spec.ciOperator.releases.{}.release.version* string
spec.ciOperator.resources object
spec.ciOperator.resources.{} object
spec.ciOperator.resources.{}.limits object
spec.ciOperator.resources.{}.limits.{} string
spec.ciOperator.resources.{}.requests object
spec.ciOperator.resources.{}.requests.{} string
spec.ciOperator.test object
spec.ciOperator.test.clusterClaim object
spec.ciOperator.test.clusterClaim.architecture string
spec.ciOperator.test.clusterClaim.as string
spec.ciOperator.test.clusterClaim.cloud* string
spec.ciOperator.test.clusterClaim.labels object
spec.ciOperator.test.clusterClaim.labels.{} string
spec.ciOperator.test.clusterClaim.owner* string
spec.ciOperator.test.clusterClaim.product string
spec.ciOperator.test.clusterClaim.timeout string
spec.ciOperator.test.clusterClaim.version* string
spec.ciOperator.test.clusterProfile string
spec.ciOperator.test.env object
spec.ciOperator.test.env.{} string
spec.ciOperator.test.workflow string
spec.tearDownCluster boolean
status object
status.conditions array
status.conditions[] object
status.conditions[].lastTransitionTime string
status.conditions[].message string
status.conditions[].observedGeneration integer
status.conditions[].reason string
status.conditions[].status* string
status.conditions[].type* string
status.kubeAdminPassword string
status.kubeconfig string
status.phase* string
status.prowJobId string
status.prowJobURL string
status.secretRef string
`

func TestCRDHasFieldsOfClients(t *testing.T) {
	reason := "Deployed clients rely on every field, its type and whether it is required."

	b, err := os.ReadFile("../crd/ci.openshift.io_ephemeralclusters.yaml")
	if err != nil {
		t.Fatal(err)
	}

	crd := &extv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(b, crd); err != nil {
		t.Fatal(err)
	}

	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	delete(root.Properties, "apiVersion")
	delete(root.Properties, "kind")

	got := fieldsOf(root, "")
	slices.Sort(got)

	want := strings.Split(strings.TrimSpace(fieldsOfClients), "\n")
	slices.Sort(want)

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("\n%s\n-want, +got:\n%s", reason, diff)
	}
}

// fieldsOf lists the fields below a schema, each with its type.
func fieldsOf(s *extv1.JSONSchemaProps, path string) []string {
	var fields []string

	for name := range s.Properties {
		p := s.Properties[name]
		at := strings.TrimPrefix(path+"."+name, ".")

		mark := ""
		if slices.Contains(s.Required, name) {
			mark = "*"
		}

		fields = append(fields, at+mark+" "+p.Type)
		fields = append(fields, fieldsOf(&p, at)...)
	}

	if s.Items != nil && s.Items.Schema != nil {
		fields = append(fields, path+"[] "+s.Items.Schema.Type)
		fields = append(fields, fieldsOf(s.Items.Schema, path+"[]")...)
	}

	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		fields = append(fields, path+".{} "+s.AdditionalProperties.Schema.Type)
		fields = append(fields, fieldsOf(s.AdditionalProperties.Schema, path+".{}")...)
	}

	return fields
}
