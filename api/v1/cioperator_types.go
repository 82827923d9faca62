package v1

// ImageStreamTag refers to a tag of an image stream.
type ImageStreamTag struct {
	// As is the name that the tag is known by.
	// +optional
	As string `json:"as,omitempty"`

	// Name of the image stream.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`

	// Namespace of the image stream.
	// +kubebuilder:validation:MinLength=1
	Namespace string `json:"namespace"`

	// Tag of the image stream.
	// +kubebuilder:validation:MinLength=1
	Tag string `json:"tag"`
}

// ExternalImage refers to an image of another registry.
type ExternalImage struct {
	ImageStreamTag `json:",inline"`

	// Registry that the image is pulled from.
	// +kubebuilder:validation:MinLength=1
	Registry string `json:"registry"`

	// PullSecret names the Secret to pull with.
	// +optional
	PullSecret string `json:"pull_secret,omitempty"`

	// PullSpec is the whole reference of the image.
	// +optional
	PullSpec string `json:"pull_spec,omitempty"`
}

// BuildRoot is the image that ci-operator builds in, from one of three sources.
type BuildRoot struct {
	// FromRepository takes it from the repository's .ci-operator.yaml.
	// +optional
	FromRepository bool `json:"from_repository,omitempty"`

	// ImageStreamTag takes it from an image stream.
	// +optional
	ImageStreamTag *ImageStreamTag `json:"image_stream_tag,omitempty"`

	// ProjectImage builds it.
	// +optional
	ProjectImage *ProjectImage `json:"project_image,omitempty"`

	// UseBuildCache prefers a cached build of it.
	// +optional
	UseBuildCache bool `json:"use_build_cache,omitempty"`
}

// ProjectImage is an image that ci-operator builds.
type ProjectImage struct {
	// BuildArgs are passed to the build.
	// +optional
	BuildArgs []BuildArg `json:"build_args,omitempty"`

	// ContextDir is the directory to build in.
	// +optional
	ContextDir string `json:"context_dir,omitempty"`

	// DockerfileLiteral is the Dockerfile's text.
	// +optional
	DockerfileLiteral *string `json:"dockerfile_literal,omitempty"`

	// DockerfilePath is the Dockerfile's path below the context directory.
	// +optional
	DockerfilePath string `json:"dockerfile_path,omitempty"`

	// Inputs are images that the build takes files from, by name.
	// +optional
	Inputs map[string]ImageBuildInputs `json:"inputs,omitempty"`

	// Ref names the repository reference to build from.
	// +optional
	Ref string `json:"ref,omitempty"`
}

// BuildArg is an argument of an image build.
type BuildArg struct {
	// Name of the argument.
	// +optional
	Name string `json:"name,omitempty"`

	// Value of the argument.
	// +optional
	Value string `json:"value,omitempty"`
}

// ImageBuildInputs is what an image build takes from another image.
type ImageBuildInputs struct {
	// As lists references in the Dockerfile that the image replaces.
	// +optional
	As []string `json:"as,omitempty"`

	// Paths are copied from the image.
	// +optional
	Paths []ImageSourcePath `json:"paths,omitempty"`
}

// ImageSourcePath is a path copied from an image.
type ImageSourcePath struct {
	// DestinationDir is where to, in the build context.
	DestinationDir string `json:"destination_dir"`

	// SourcePath is where from, in the image.
	SourcePath string `json:"source_path"`
}

// ResourceRequirements are compute resources.
type ResourceRequirements struct {
	// Limits by resource name.
	// +optional
	Limits map[string]Quantity `json:"limits,omitempty"`

	// Requests by resource name.
	// +optional
	Requests map[string]Quantity `json:"requests,omitempty"`
}

// Release selects an OpenShift release, in one of four ways.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:MaxProperties=1
type Release struct {
	// Candidate is a build that was not released yet.
	// +optional
	Candidate *Candidate `json:"candidate,omitempty"`

	// Integration is a stream of images under integration.
	// +optional
	Integration *Integration `json:"integration,omitempty"`

	// Prerelease is a build promised to be released.
	// +optional
	Prerelease *Prerelease `json:"prerelease,omitempty"`

	// Release is a released build.
	// +optional
	Release *ReleaseChannel `json:"release,omitempty"`
}

// Candidate selects a build that was not released yet.
type Candidate struct {
	// Architecture of the release.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// Product that is released.
	Product Product `json:"product"`

	// Relative is how many builds before the newest.
	// +optional
	Relative Integer `json:"relative,omitempty"`

	// Stream of builds.
	Stream string `json:"stream"`

	// Version is the minor version.
	Version MinorVersion `json:"version"`
}

// Integration selects a stream of images under integration.
type Integration struct {
	// IncludeBuiltImages adds the images that the job builds.
	// +optional
	IncludeBuiltImages bool `json:"include_built_images,omitempty"`

	// Name of the image stream.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`

	// Namespace of the image stream.
	// +kubebuilder:validation:MinLength=1
	Namespace string `json:"namespace"`

	// ReferencePolicy of the tags.
	// +optional
	// +kubebuilder:validation:Enum=Local;Source
	ReferencePolicy *string `json:"reference_policy,omitempty"`
}

// Prerelease selects a build promised to be released.
type Prerelease struct {
	// Architecture of the release.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// Product that is released.
	Product Product `json:"product"`

	// Relative is how many builds before the newest.
	// +optional
	Relative Integer `json:"relative,omitempty"`

	// VersionBounds limit the version.
	VersionBounds VersionBounds `json:"version_bounds"`
}

// VersionBounds limit a version.
type VersionBounds struct {
	// Lower bound.
	// +kubebuilder:validation:MinLength=1
	Lower string `json:"lower"`

	// Stream of builds.
	// +optional
	Stream string `json:"stream,omitempty"`

	// Upper bound.
	// +kubebuilder:validation:MinLength=1
	Upper string `json:"upper"`
}

// ReleaseChannel selects a released build.
type ReleaseChannel struct {
	// Architecture of the release.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// Channel of releases.
	// +kubebuilder:validation:Enum=stable;fast;candidate
	Channel string `json:"channel"`

	// Relative is how many builds before the newest.
	// +optional
	Relative Integer `json:"relative,omitempty"`

	// Version is the minor version.
	Version MinorVersion `json:"version"`
}
