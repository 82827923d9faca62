//go:build linux

package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const valid = `
base_images:
  cli-2: {name: "4.21", namespace: ocp, tag: cli}
build_root:
  image_stream_tag: {name: release, namespace: openshift, tag: golang}
external_images:
  mine: {name: image, namespace: ns, tag: t, registry: quay.io, pull_secret: s, pull_spec: quay.io/a/b:c}
releases:
  initial: {integration: {name: "4.20", namespace: ocp, include_built_images: true, reference_policy: Source}}
  latest: {candidate: {architecture: amd64, product: ocp, stream: nightly, version: "4.20", relative: 1}}
  other: {prerelease: {product: ocp, version_bounds: {lower: "4.19.0-0", upper: "4.20.0-0", stream: "4-stable"}}}
  stable: {release: {channel: stable, version: "4.19"}}
resources:
  '*': {limits: {memory: 400Mi}, requests: {cpu: 200m}}
zz_generated_metadata: {org: org, repo: repo, branch: branch}
tests:
- as: cluster-provisioning
  cron: '@yearly'
  steps:
    workflow: ipi-aws
    cluster_profile: aws
    env: {BASE_DOMAIN: example.org}
    test:
    - as: wait-test-complete
      from: cli
      commands: "true"
      resources: {limits: {memory: 100Mi}, requests: {cpu: 10m}}
`

// edit returns the valid configuration with one change to its decoded form.
func edit(t *testing.T, change func(c map[string]any)) string {
	t.Helper()

	c := map[string]any{}
	if err := yaml.Unmarshal([]byte(valid), &c); err != nil {
		t.Fatal(err)
	}

	change(c)

	b, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}

func object(t *testing.T, v any, path ...string) map[string]any {
	t.Helper()

	for _, p := range path {
		if l, ok := v.([]any); ok {
			v = l[0]
		}

		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no object at %v", path)
		}

		v = m[p]
	}

	if l, ok := v.([]any); ok {
		v = l[0]
	}

	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("no object at %v", path)
	}

	return m
}

func TestParse(t *testing.T) {
	set := func(key string, value any, path ...string) func(t *testing.T, c map[string]any) {
		return func(t *testing.T, c map[string]any) {
			t.Helper()

			o := object(t, c, path...)
			if value == nil {
				delete(o, key)

				return
			}

			o[key] = value
		}
	}

	steps := []string{"tests", "steps"}
	step := []string{"tests", "steps", "test"}
	claim := map[string]any{"cloud": "aws", "owner": "ci", "version": "4.20"}

	cases := map[string]struct {
		reason string
		change func(t *testing.T, c map[string]any)

		// want are the fields that are complained about; none if the configuration is valid.
		want []string
	}{
		"Valid": {
			reason: "Everything that an ephemeral cluster's configuration may hold is read.",
			change: func(*testing.T, map[string]any) {},
		},
		"UnknownField": {
			reason: "A field that ci-operator does not have is refused.",
			change: set("base_image", map[string]any{}),
			want:   []string{`unknown field "base_image"`},
		},
		"UnknownNestedField": {
			reason: "An unknown field is refused at any depth.",
			change: set("clusterProfile", "aws", steps...),
			want:   []string{`unknown field "clusterProfile"`},
		},
		"UnknownFieldOfAnInlinedType": {
			reason: "An image's fields are not of the API's other spelling.",
			change: set("pullSecret", "s", "external_images", "mine"),
			want:   []string{`unknown field "pullSecret"`},
		},
		"ParameterIsNotAString": {
			reason: "ci-operator's parameters are strings.",
			change: set("ZONES", []any{"a", "b"}, "tests", "steps", "env"),
			want:   []string{"cannot unmarshal array"},
		},
		"NoTest": {
			reason: "There is nothing to run without a test.",
			change: set("tests", nil),
			want:   []string{"tests: "},
		},
		"OtherTest": {
			reason: "The test is the target.",
			change: set("as", "e2e", "tests"),
			want:   []string{"tests[0].as: "},
		},
		"NoCron": {
			reason: "A periodic test says when it runs.",
			change: set("cron", nil, "tests"),
			want:   []string{"tests[0].cron: "},
		},
		"NoSteps": {
			reason: "A test without steps is no multi-stage test.",
			change: set("steps", nil, "tests"),
			want:   []string{"tests[0].steps: "},
		},
		"NoLiteralStep": {
			reason: "Without a step, the cluster would be destroyed as soon as it is up.",
			change: set("test", nil, steps...),
			want:   []string{"tests[0].steps.test: "},
		},
		"NoProfileAndNoWorkflow": {
			reason: "Without a cluster claim, a workflow provisions the cluster, on a profile.",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				set("workflow", nil, steps...)(t, c)
				set("cluster_profile", nil, steps...)(t, c)
			},
			want: []string{"tests[0].steps.cluster_profile: ", "tests[0].steps.workflow: "},
		},
		"Claim": {
			reason: "A cluster claim needs neither releases nor a profile, if the image is its own.",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				set("cluster_claim", claim, "tests")(t, c)
				set("workflow", nil, steps...)(t, c)
				set("cluster_profile", nil, steps...)(t, c)
				set("releases", nil)(t, c)
				set("from", "cli-2", step...)(t, c)
			},
		},
		"ClaimAndProfile": {
			reason: "A test gets one cluster.",
			change: set("cluster_claim", claim, "tests"),
			want:   []string{"tests[0].steps.cluster_profile: "},
		},
		"IncompleteClaim": {
			reason: "A pool is chosen by cloud, owner and version.",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				set("cluster_claim", map[string]any{"timeout": "soon"}, "tests")(t, c)
				set("cluster_profile", nil, steps...)(t, c)
			},
			want: []string{"cluster_claim.cloud: ", "cluster_claim.owner: ", "cluster_claim.version: ", "cluster_claim.timeout: "},
		},
		"IncompleteStep": {
			reason: "A literal step spells everything out.",
			change: set("test", []any{map[string]any{}}, steps...),
			want:   []string{"test[0].as: ", "test[0].from: ", "test[0].commands: ", "test[0].resources: ", "test[0].resources.requests: "},
		},
		"ImageOfNoRelease": {
			reason: "Without a latest release, nothing provides an image that is not configured.",
			change: set("latest", nil, "releases"),
			want:   []string{"test[0].from: "},
		},
		"NoResources": {
			reason: "ci-operator wants to know what steps need.",
			change: set("resources", nil),
			want:   []string{"resources: "},
		},
		"BadQuantity": {
			reason: "Resources are quantities.",
			change: set("cpu", "much", "resources", "*", "requests"),
			want:   []string{"resources[*].requests[cpu]: "},
		},
		"IncompleteImages": {
			reason: "Images are referred to in full.",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				set("tag", nil, "base_images", "cli-2")(t, c)
				set("registry", nil, "external_images", "mine")(t, c)
			},
			want: []string{"base_images[cli-2].tag: ", "external_images[mine].registry: "},
		},
		"TwoReleasesInOne": {
			reason: "A release is chosen in one way.",
			change: set("release", map[string]any{"channel": "stable", "version": "4.20"}, "releases", "latest"),
			want:   []string{"releases[latest]: "},
		},
		"IncompleteReleases": {
			reason: "Every way of choosing a release has its own required fields.",
			change: func(t *testing.T, c map[string]any) {
				t.Helper()
				set("stream", nil, "releases", "latest", "candidate")(t, c)
				set("name", nil, "releases", "initial", "integration")(t, c)
				set("version_bounds", nil, "releases", "other", "prerelease")(t, c)
				set("channel", nil, "releases", "stable", "release")(t, c)
			},
			want: []string{
				"releases[initial].integration.name: ",
				"releases[latest].candidate.stream: ",
				"releases[other].prerelease.version_bounds.lower: ",
				"releases[other].prerelease.version_bounds.upper: ",
				"releases[stable].release.channel: ",
			},
		},
		"TwoBuildRoots": {
			reason: "A build root has one source.",
			change: set("from_repository", true, "build_root"),
			want:   []string{"build_root: "},
		},
		"DockerfileTwice": {
			reason: "A literal Dockerfile has no path.",
			change: set("build_root", map[string]any{"project_image": map[string]any{"dockerfile_literal": "FROM x", "dockerfile_path": "Dockerfile"}}),
			want:   []string{"build_root.project_image.dockerfile_literal: "},
		},
		"IncompleteBuildInput": {
			reason: "A copied path has both ends.",
			change: set("build_root", map[string]any{"project_image": map[string]any{"inputs": map[string]any{"a": map[string]any{"paths": []any{map[string]any{}}}}}}),
			want:   []string{"paths[0].destination_dir: ", "paths[0].source_path: "},
		},
		"NoMetadata": {
			reason: "A configuration is somebody's.",
			change: set("zz_generated_metadata", nil),
			want:   []string{"zz_generated_metadata.org: ", "zz_generated_metadata.repo: ", "zz_generated_metadata.branch: "},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(edit(t, func(c map[string]any) { tc.change(t, c) })))

			if diff := cmp.Diff(len(tc.want) > 0, err != nil); diff != "" {
				t.Fatalf("%s\nParse(...): -want error, +got error:\n%s\n%v", tc.reason, diff, err)
			}

			for _, w := range tc.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s\nParse(...): want a complaint about %q, got:\n%v", tc.reason, w, err)
				}
			}
		})
	}
}

func TestParseDuplicateField(t *testing.T) {
	if _, err := Parse([]byte(valid + "resources: {}\n")); err == nil {
		t.Error("Parse(...): a field that is given twice must be an error")
	}
}

func TestParseReads(t *testing.T) {
	c, err := Parse([]byte(valid))
	if err != nil {
		t.Fatal(err)
	}

	want := Test{
		As:   TestName,
		Cron: "@yearly",
		Steps: &Steps{
			Workflow:       "ipi-aws",
			ClusterProfile: "aws",
			Env:            map[string]string{"BASE_DOMAIN": "example.org"},
			Test: []LiteralStep{{
				As:       "wait-test-complete",
				From:     "cli",
				Commands: "true",
				Resources: ResourceRequirements{
					Limits:   map[string]string{"memory": "100Mi"},
					Requests: map[string]string{"cpu": "10m"},
				},
			}},
		},
	}
	if diff := cmp.Diff(want, c.Test()); diff != "" {
		t.Errorf("Test(): -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff(want.Steps.Test[0], c.Step()); diff != "" {
		t.Errorf("Step(): -want, +got:\n%s", diff)
	}
}
