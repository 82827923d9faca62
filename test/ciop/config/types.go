//go:build linux

// Package config is the part of ci-operator's configuration that an ephemeral
// cluster's job may use, read as ci-operator reads it. Its types are written from
// ci-operator's field names alone and share nothing with the program that writes
// the configuration, so that a mistake there is found here.
package config

import "sigs.k8s.io/yaml"

// TestName is the name of the only test, which is also ci-operator's target.
const TestName = "cluster-provisioning"

// Config is ci-operator's configuration.
type Config struct {
	BaseImages     map[string]ImageStreamTag       `json:"base_images,omitempty"`
	BuildRoot      *BuildRoot                      `json:"build_root,omitempty"`
	ExternalImages map[string]ExternalImage        `json:"external_images,omitempty"`
	Releases       map[string]Release              `json:"releases,omitempty"`
	Resources      map[string]ResourceRequirements `json:"resources,omitempty"`
	Tests          []Test                          `json:"tests,omitempty"`
	Metadata       Metadata                        `json:"zz_generated_metadata"`
}

// ImageStreamTag refers to an image on the build cluster.
type ImageStreamTag struct {
	As        string `json:"as,omitempty"`
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Tag       string `json:"tag,omitempty"`
}

// ExternalImage refers to an image of another registry.
type ExternalImage struct {
	ImageStreamTag

	Registry   string `json:"registry,omitempty"`
	PullSecret string `json:"pull_secret,omitempty"`
	PullSpec   string `json:"pull_spec,omitempty"`
}

// BuildRoot is the image to build in.
type BuildRoot struct {
	FromRepository bool            `json:"from_repository,omitempty"`
	ImageStreamTag *ImageStreamTag `json:"image_stream_tag,omitempty"`
	ProjectImage   *ProjectImage   `json:"project_image,omitempty"`
	UseBuildCache  bool            `json:"use_build_cache,omitempty"`
}

// ProjectImage is a build root that is built first.
type ProjectImage struct {
	BuildArgs         []BuildArg             `json:"build_args,omitempty"`
	ContextDir        string                 `json:"context_dir,omitempty"`
	DockerfileLiteral *string                `json:"dockerfile_literal,omitempty"`
	DockerfilePath    string                 `json:"dockerfile_path,omitempty"`
	Inputs            map[string]BuildInputs `json:"inputs,omitempty"`
	Ref               string                 `json:"ref,omitempty"`
}

// BuildArg is an argument of a build.
type BuildArg struct {
	Name  string `json:"name,omitempty"`
	Value string `json:"value,omitempty"`
}

// BuildInputs is what a build takes from another image.
type BuildInputs struct {
	As    []string     `json:"as,omitempty"`
	Paths []SourcePath `json:"paths,omitempty"`
}

// SourcePath is a path copied from an image.
type SourcePath struct {
	DestinationDir string `json:"destination_dir,omitempty"`
	SourcePath     string `json:"source_path,omitempty"`
}

// Release is a release payload, chosen in exactly one way.
type Release struct {
	Candidate   *Candidate      `json:"candidate,omitempty"`
	Integration *Integration    `json:"integration,omitempty"`
	Prerelease  *Prerelease     `json:"prerelease,omitempty"`
	Release     *ReleaseChannel `json:"release,omitempty"`
}

// Candidate is a build of a stream.
type Candidate struct {
	Architecture string `json:"architecture,omitempty"`
	Product      string `json:"product,omitempty"`
	Relative     int    `json:"relative,omitempty"`
	Stream       string `json:"stream,omitempty"`
	Version      string `json:"version,omitempty"`
}

// Integration is an image stream.
type Integration struct {
	IncludeBuiltImages bool    `json:"include_built_images,omitempty"`
	Name               string  `json:"name,omitempty"`
	Namespace          string  `json:"namespace,omitempty"`
	ReferencePolicy    *string `json:"reference_policy,omitempty"`
}

// Prerelease is a build within bounds.
type Prerelease struct {
	Architecture  string        `json:"architecture,omitempty"`
	Product       string        `json:"product,omitempty"`
	Relative      int           `json:"relative,omitempty"`
	VersionBounds VersionBounds `json:"version_bounds"`
}

// VersionBounds bound a version.
type VersionBounds struct {
	Lower  string `json:"lower,omitempty"`
	Stream string `json:"stream,omitempty"`
	Upper  string `json:"upper,omitempty"`
}

// ReleaseChannel is a release of a channel.
type ReleaseChannel struct {
	Architecture string `json:"architecture,omitempty"`
	Channel      string `json:"channel,omitempty"`
	Relative     int    `json:"relative,omitempty"`
	Version      string `json:"version,omitempty"`
}

// ResourceRequirements are quantities by resource name.
type ResourceRequirements struct {
	Limits   map[string]string `json:"limits,omitempty"`
	Requests map[string]string `json:"requests,omitempty"`
}

// Metadata says whose configuration it is.
type Metadata struct {
	Org    string `json:"org,omitempty"`
	Repo   string `json:"repo,omitempty"`
	Branch string `json:"branch,omitempty"`
}

// Test is a multi-stage test.
type Test struct {
	As           string        `json:"as,omitempty"`
	Cron         string        `json:"cron,omitempty"`
	ClusterClaim *ClusterClaim `json:"cluster_claim,omitempty"`
	Steps        *Steps        `json:"steps,omitempty"`
}

// ClusterClaim asks for a cluster of a Hive pool.
type ClusterClaim struct {
	Architecture string            `json:"architecture,omitempty"`
	As           string            `json:"as,omitempty"`
	Cloud        string            `json:"cloud,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Owner        string            `json:"owner,omitempty"`
	Product      string            `json:"product,omitempty"`
	Timeout      string            `json:"timeout,omitempty"`
	Version      string            `json:"version,omitempty"`
}

// Steps are the steps of a test.
type Steps struct {
	Workflow       string            `json:"workflow,omitempty"`
	ClusterProfile string            `json:"cluster_profile,omitempty"`
	Env            map[string]string `json:"env,omitempty"`
	Test           []LiteralStep     `json:"test,omitempty"`
}

// LiteralStep is a step that is spelled out rather than taken from the registry.
type LiteralStep struct {
	As        string               `json:"as,omitempty"`
	From      string               `json:"from,omitempty"`
	Commands  string               `json:"commands,omitempty"`
	Resources ResourceRequirements `json:"resources"`
	Timeout   string               `json:"timeout,omitempty"`
}

// Test returns the only test of a valid configuration.
func (c *Config) Test() Test { return c.Tests[0] }

// Step returns the only literal step of a valid configuration.
func (c *Config) Step() LiteralStep { return c.Tests[0].Steps.Test[0] }

// Parse reads a configuration. A field that ci-operator does not have is an
// error, and so is everything that it would reject before it starts.
func Parse(raw []byte) (*Config, error) {
	c := &Config{}
	if err := yaml.UnmarshalStrict(raw, c); err != nil {
		return nil, wrapInvalid(err)
	}

	return c, wrapInvalid(c.validate().ToAggregate())
}
