package cioperator

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

var cliTag = v1.ImageStreamTag{Namespace: "ocp", Name: "4.21", Tag: "cli"}

func TestNew(t *testing.T) {
	release := map[string]v1.Release{"latest": {Candidate: &v1.Candidate{Product: "ocp", Stream: "nightly", Version: "4.20"}}}
	defaults := map[string]v1.ResourceRequirements{"*": {
		Limits:   map[string]v1.Quantity{"memory": "400Mi"},
		Requests: map[string]v1.Quantity{"cpu": "200m"},
	}}
	metadata := Metadata{Org: "org", Repo: "repo", Branch: "branch"}
	wait := func(from string) []LiteralStep {
		return []LiteralStep{{
			As:       "wait-test-complete",
			From:     from,
			Commands: WaitScript,
			Resources: v1.ResourceRequirements{
				Limits:   map[string]v1.Quantity{"memory": "100Mi"},
				Requests: map[string]v1.Quantity{"cpu": "10m"},
			},
			Timeout: "25h0m0s",
		}}
	}
	claim := &v1.ClusterClaim{Cloud: "aws", Owner: "openshift-ci", Version: "4.20"}

	type want struct {
		config *Config
		err    error
	}

	cases := map[string]struct {
		reason string
		spec   v1.CIOperatorSpec
		want   want
	}{
		"ClusterProfile": {
			reason: "A profile's test takes its cli from the release.",
			spec: v1.CIOperatorSpec{
				Releases: release,
				Test:     v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws", Env: map[string]string{"A": "1"}},
			},
			want: want{config: &Config{
				Releases:  release,
				Resources: defaults,
				Metadata:  metadata,
				Tests: []Test{{
					As:    "cluster-provisioning",
					Cron:  "@yearly",
					Steps: &Steps{Workflow: "ipi-aws", ClusterProfile: "aws", Env: map[string]string{"A": "1"}, Test: wait("cli")},
				}},
			}},
		},
		"ClusterClaim": {
			reason: "A claimed cluster brings no release, so the cli image is added.",
			spec:   v1.CIOperatorSpec{Test: v1.Test{ClusterClaim: claim}},
			want: want{config: &Config{
				BaseImages: map[string]v1.ImageStreamTag{"cli": cliTag},
				Resources:  defaults,
				Metadata:   metadata,
				Tests: []Test{{
					As:           "cluster-provisioning",
					Cron:         "@yearly",
					ClusterClaim: claim,
					Steps:        &Steps{Test: wait("cli")},
				}},
			}},
		},
		"ClusterClaimWithClashingImages": {
			reason: "The cli image must not replace one of the requester's.",
			spec: v1.CIOperatorSpec{
				BaseImages: map[string]v1.ImageStreamTag{"cli": {Name: "mine"}, "cli-jq": {Name: "jq"}, "os": {Name: "os"}},
				Test:       v1.Test{ClusterClaim: claim},
			},
			want: want{config: &Config{
				BaseImages: map[string]v1.ImageStreamTag{"cli": {Name: "mine"}, "cli-jq": {Name: "jq"}, "os": {Name: "os"}, "cli-jq-2": cliTag},
				Resources:  defaults,
				Metadata:   metadata,
				Tests: []Test{{
					As:           "cluster-provisioning",
					Cron:         "@yearly",
					ClusterClaim: claim,
					Steps:        &Steps{Test: wait("cli-jq-2")},
				}},
			}},
		},
		"OwnResources": {
			reason: "Resources of the requester replace the defaults.",
			spec: v1.CIOperatorSpec{
				Releases:  release,
				Resources: map[string]v1.ResourceRequirements{"install": {Requests: map[string]v1.Quantity{"cpu": "1"}}},
			},
			want: want{config: &Config{
				Releases:  release,
				Resources: map[string]v1.ResourceRequirements{"install": {Requests: map[string]v1.Quantity{"cpu": "1"}}},
				Metadata:  metadata,
				Tests:     []Test{{As: "cluster-provisioning", Cron: "@yearly", Steps: &Steps{Test: wait("cli")}}},
			}},
		},
		"NoReleases": {
			reason: "Without releases and without a claim there is nothing to install.",
			spec:   v1.CIOperatorSpec{Test: v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"}},
			want:   want{err: ErrNoReleases},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := New(tc.spec, cliTag, 25*time.Hour)
			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Fatalf("%s\nNew(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want.config, got); diff != "" {
				t.Errorf("%s\nNew(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestYAML(t *testing.T) {
	spec := v1.CIOperatorSpec{
		BuildRoot: &v1.BuildRoot{ImageStreamTag: &v1.ImageStreamTag{Namespace: "openshift", Name: "release", Tag: "golang"}},
		ExternalImages: map[string]v1.ExternalImage{
			"tool": {ImageStreamTag: v1.ImageStreamTag{Namespace: "n", Name: "tool", Tag: "v1"}, Registry: "quay.io", PullSecret: "s"},
		},
		Releases: map[string]v1.Release{
			"initial": {Prerelease: &v1.Prerelease{Product: "ocp", VersionBounds: v1.VersionBounds{Lower: "4.19.0", Upper: "4.20.0"}}},
			"latest":  {Integration: &v1.Integration{Name: "4.20", Namespace: "ocp", IncludeBuiltImages: true}},
		},
		Test: v1.Test{ClusterProfile: "aws", Workflow: "ipi-aws"},
	}

	want := map[string]any{
		"build_root": map[string]any{"image_stream_tag": map[string]any{"namespace": "openshift", "name": "release", "tag": "golang"}},
		"external_images": map[string]any{
			"tool": map[string]any{"namespace": "n", "name": "tool", "tag": "v1", "registry": "quay.io", "pull_secret": "s"},
		},
		"releases": map[string]any{
			"initial": map[string]any{"prerelease": map[string]any{
				"product": "ocp", "version_bounds": map[string]any{"lower": "4.19.0", "upper": "4.20.0"},
			}},
			"latest": map[string]any{"integration": map[string]any{"name": "4.20", "namespace": "ocp", "include_built_images": true}},
		},
		"resources": map[string]any{"*": map[string]any{
			"limits":   map[string]any{"memory": "400Mi"},
			"requests": map[string]any{"cpu": "200m"},
		}},
		"tests": []any{map[string]any{
			"as":   "cluster-provisioning",
			"cron": "@yearly",
			"steps": map[string]any{
				"cluster_profile": "aws",
				"workflow":        "ipi-aws",
				"test": []any{map[string]any{
					"as":       "wait-test-complete",
					"from":     "cli",
					"commands": WaitScript,
					"resources": map[string]any{
						"limits":   map[string]any{"memory": "100Mi"},
						"requests": map[string]any{"cpu": "10m"},
					},
					"timeout": "25h0m0s",
				}},
			},
		}},
		"zz_generated_metadata": map[string]any{"org": "org", "repo": "repo", "branch": "branch"},
	}

	c, err := New(spec, cliTag, 25*time.Hour)
	if err != nil {
		t.Fatalf("New(...): %v", err)
	}

	first, err := c.YAML()
	if err != nil {
		t.Fatalf("YAML(): %v", err)
	}

	got := map[string]any{}
	if err := yaml.Unmarshal([]byte(first), &got); err != nil {
		t.Fatalf("yaml.Unmarshal(...): %v", err)
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("The configuration must have ci-operator's field names.\nYAML(): -want, +got:\n%s", diff)
	}

	for range 20 {
		again, err := c.YAML()
		if diff := cmp.Diff(first, again); diff != "" || err != nil {
			t.Fatalf("The same spec must give the same text.\nYAML(): %v, -first, +again:\n%s", err, diff)
		}
	}
}

func TestParseImageStreamTag(t *testing.T) {
	type want struct {
		tag v1.ImageStreamTag
		err error
	}

	cases := map[string]struct {
		reason string
		in     string
		want   want
	}{
		"Valid":       {reason: "A whole tag.", in: "ocp/4.21:cli", want: want{tag: cliTag}},
		"NoNamespace": {reason: "The namespace is not guessed.", in: "4.21:cli", want: want{err: cmpopts.AnyError}},
		"NoTag":       {reason: "The tag is not guessed.", in: "ocp/4.21", want: want{err: cmpopts.AnyError}},
		"TooMuch":     {reason: "A reference to a registry is not a tag.", in: "quay.io/ocp/4.21:cli", want: want{err: cmpopts.AnyError}},
		"Empty":       {reason: "Nothing is not a tag.", in: "", want: want{err: cmpopts.AnyError}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ParseImageStreamTag(tc.in)
			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nParseImageStreamTag(%q): -want error, +got error:\n%s", tc.reason, tc.in, diff)
			}

			if diff := cmp.Diff(tc.want.tag, got); diff != "" {
				t.Errorf("%s\nParseImageStreamTag(%q): -want, +got:\n%s", tc.reason, tc.in, diff)
			}
		})
	}
}
