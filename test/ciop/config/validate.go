//go:build linux

package config

import (
	"maps"
	"slices"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func wrapInvalid(err error) error { return errors.Wrap(err, "invalid ci-operator configuration") }

func (c *Config) validate() field.ErrorList {
	var errs field.ErrorList

	for _, name := range sorted(c.BaseImages) {
		errs = append(errs, c.BaseImages[name].validate(field.NewPath("base_images").Key(name))...)
	}

	for _, name := range sorted(c.ExternalImages) {
		p, i := field.NewPath("external_images").Key(name), c.ExternalImages[name]
		errs = append(errs, i.validate(p)...)
		errs = append(errs, required(p, "registry", i.Registry)...)
	}

	for _, name := range sorted(c.Releases) {
		errs = append(errs, c.Releases[name].validate(field.NewPath("releases").Key(name))...)
	}

	resources := field.NewPath("resources")
	if len(c.Resources) == 0 {
		errs = append(errs, field.Required(resources, "steps need resource requests"))
	}

	for _, name := range sorted(c.Resources) {
		errs = append(errs, c.Resources[name].validate(resources.Key(name))...)
	}

	metadata := field.NewPath("zz_generated_metadata")
	errs = append(errs, required(metadata, "org", c.Metadata.Org)...)
	errs = append(errs, required(metadata, "repo", c.Metadata.Repo)...)
	errs = append(errs, required(metadata, "branch", c.Metadata.Branch)...)
	errs = append(errs, c.BuildRoot.validate(field.NewPath("build_root"))...)

	return append(errs, c.validateTests(field.NewPath("tests"))...)
}

func (c *Config) validateTests(p *field.Path) field.ErrorList {
	if len(c.Tests) != 1 {
		return field.ErrorList{field.Invalid(p, len(c.Tests), "there must be exactly one test")}
	}

	p, t := p.Index(0), c.Tests[0]

	var errs field.ErrorList

	if t.As != TestName {
		errs = append(errs, field.Invalid(p.Child("as"), t.As, "must be the target, "+TestName))
	}

	errs = append(errs, required(p, "cron", t.Cron)...)

	if t.ClusterClaim != nil {
		errs = append(errs, t.ClusterClaim.validate(p.Child("cluster_claim"))...)
	}

	p = p.Child("steps")
	if t.Steps == nil {
		return append(errs, field.Required(p, ""))
	}

	switch {
	case t.ClusterClaim != nil && t.Steps.ClusterProfile != "":
		errs = append(errs, field.Forbidden(p.Child("cluster_profile"), "cluster_claim already provides a cluster"))
	case t.ClusterClaim == nil:
		// Without a workflow, nothing would ever provision a cluster.
		errs = append(errs, required(p, "cluster_profile", t.Steps.ClusterProfile)...)
		errs = append(errs, required(p, "workflow", t.Steps.Workflow)...)
	}

	if len(t.Steps.Test) != 1 {
		return append(errs, field.Invalid(p.Child("test"), len(t.Steps.Test), "there must be exactly one step"))
	}

	return append(errs, c.validateStep(p.Child("test").Index(0), t.Steps.Test[0])...)
}

func (c *Config) validateStep(p *field.Path, s LiteralStep) field.ErrorList {
	errs := required(p, "as", s.As)
	errs = append(errs, required(p, "from", s.From)...)
	errs = append(errs, required(p, "commands", s.Commands)...)
	errs = append(errs, s.Resources.validate(p.Child("resources"))...)

	if len(s.Resources.Requests) == 0 {
		errs = append(errs, field.Required(p.Child("resources", "requests"), ""))
	}

	// An image is one of the configuration's own or comes with the latest release.
	_, base := c.BaseImages[s.From]
	_, external := c.ExternalImages[s.From]
	_, latest := c.Releases["latest"]

	if s.From != "" && !base && !external && !latest {
		errs = append(errs, field.Invalid(p.Child("from"), s.From, "neither an image of this configuration nor of a latest release"))
	}

	return errs
}

func (i ImageStreamTag) validate(p *field.Path) field.ErrorList {
	errs := required(p, "name", i.Name)
	errs = append(errs, required(p, "namespace", i.Namespace)...)

	return append(errs, required(p, "tag", i.Tag)...)
}

func (b *BuildRoot) validate(p *field.Path) field.ErrorList {
	if b == nil {
		return nil
	}

	sources := count(b.FromRepository, b.ImageStreamTag != nil, b.ProjectImage != nil)
	if sources != 1 {
		return field.ErrorList{field.Invalid(p, sources, "exactly one of from_repository, image_stream_tag and project_image must be set")}
	}

	if b.ImageStreamTag != nil {
		return b.ImageStreamTag.validate(p.Child("image_stream_tag"))
	}

	if b.ProjectImage == nil {
		return nil
	}

	var errs field.ErrorList

	p = p.Child("project_image")
	if b.ProjectImage.DockerfileLiteral != nil && (b.ProjectImage.ContextDir != "" || b.ProjectImage.DockerfilePath != "") {
		errs = append(errs, field.Forbidden(p.Child("dockerfile_literal"), "may not be set along with context_dir or dockerfile_path"))
	}

	for _, name := range sorted(b.ProjectImage.Inputs) {
		for i, s := range b.ProjectImage.Inputs[name].Paths {
			p := p.Child("inputs").Key(name).Child("paths").Index(i)
			errs = append(errs, required(p, "destination_dir", s.DestinationDir)...)
			errs = append(errs, required(p, "source_path", s.SourcePath)...)
		}
	}

	return errs
}

func (r Release) validate(p *field.Path) field.ErrorList {
	n := count(r.Candidate != nil, r.Integration != nil, r.Prerelease != nil, r.Release != nil)
	if n != 1 {
		return field.ErrorList{field.Invalid(p, n, "exactly one of candidate, integration, prerelease and release must be set")}
	}

	var errs field.ErrorList

	if c, p := r.Candidate, p.Child("candidate"); c != nil {
		errs = append(errs, required(p, "product", c.Product)...)
		errs = append(errs, required(p, "stream", c.Stream)...)
		errs = append(errs, required(p, "version", c.Version)...)
	}

	if i, p := r.Integration, p.Child("integration"); i != nil {
		errs = append(errs, required(p, "name", i.Name)...)
		errs = append(errs, required(p, "namespace", i.Namespace)...)
	}

	if r, p := r.Prerelease, p.Child("prerelease"); r != nil {
		errs = append(errs, required(p, "product", r.Product)...)
		errs = append(errs, required(p.Child("version_bounds"), "lower", r.VersionBounds.Lower)...)
		errs = append(errs, required(p.Child("version_bounds"), "upper", r.VersionBounds.Upper)...)
	}

	if r, p := r.Release, p.Child("release"); r != nil {
		errs = append(errs, required(p, "channel", r.Channel)...)
		errs = append(errs, required(p, "version", r.Version)...)
	}

	return errs
}

func (c *ClusterClaim) validate(p *field.Path) field.ErrorList {
	errs := required(p, "cloud", c.Cloud)
	errs = append(errs, required(p, "owner", c.Owner)...)
	errs = append(errs, required(p, "version", c.Version)...)

	if c.Timeout != "" {
		if d, err := time.ParseDuration(c.Timeout); err != nil || d <= 0 {
			errs = append(errs, field.Invalid(p.Child("timeout"), c.Timeout, "must be a positive duration"))
		}
	}

	return errs
}

func (r ResourceRequirements) validate(p *field.Path) field.ErrorList {
	var errs field.ErrorList

	if len(r.Limits) == 0 && len(r.Requests) == 0 {
		errs = append(errs, field.Required(p, "limits or requests"))
	}

	for kind, quantities := range map[string]map[string]string{"limits": r.Limits, "requests": r.Requests} {
		for _, name := range sorted(quantities) {
			if q, err := resource.ParseQuantity(quantities[name]); err != nil || q.Sign() <= 0 {
				errs = append(errs, field.Invalid(p.Child(kind).Key(name), quantities[name], "must be a positive quantity"))
			}
		}
	}

	return errs
}

func required(p *field.Path, name, value string) field.ErrorList {
	if value != "" {
		return nil
	}

	return field.ErrorList{field.Required(p.Child(name), "")}
}

func count(set ...bool) int {
	n := 0

	for _, s := range set {
		if s {
			n++
		}
	}

	return n
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
