// Package release builds everything that is delivered, from one checkout and as one
// version, into a directory.
package release

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/image"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/publish"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// Registry is where everything is published, if nobody says otherwise.
const Registry = "quay.io/ephemeral-clusters"

// Directories of what is built.
const (
	dirPrograms = "programs"
	dirImages   = "images"
	dirPackages = "packages"
	dirRelease  = "release"
)

// A Release is one version of everything that is delivered.
type Release struct {
	// Root of the checkout.
	Root string

	// Out is the directory to build in.
	Out string

	// Version that everything is stamped with.
	Version string

	// Source is what the checkout has.
	Source source.State

	// Registry that this is published in, and what repositories there begin with. What
	// refers to something that is published with it names it there.
	Registry string
}

// An Artifact is what is pushed to one repository.
type Artifact struct {
	// Repository below a registry.
	Repository string

	// Content is an image or an index.
	Content publish.Artifact
}

func (r *Release) metadata(name, description string) image.Metadata {
	return image.Metadata{Title: name, Description: description, Version: r.Version, Revision: r.Source.Revision, Created: r.Source.Time}
}

// programFile is where a program is built.
func (r *Release) programFile(p program.Program, to v1.Platform) string {
	return filepath.Join(r.Out, dirPrograms, to.OS+"_"+to.Architecture, p.Name)
}

func (r *Release) buildProgram(ctx context.Context, p program.Program, to v1.Platform) (string, error) {
	file := r.programFile(p, to)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return "", errors.Wrap(err, "cannot make a directory for programs")
	}

	return file, program.Builder{Root: r.Root, Version: r.Version}.Build(ctx, p, to, file)
}

// images builds a program and its image for each platform.
func (r *Release) images(ctx context.Context, p program.Program) ([]v1.Image, error) {
	var imgs []v1.Image

	for _, to := range program.Platforms() {
		file, err := r.buildProgram(ctx, p, to)
		if err != nil {
			return nil, err
		}

		img, err := image.New(file, p.Name, to, r.metadata(p.Name, p.Description))
		if err != nil {
			return nil, errors.Wrapf(err, "cannot make the image of %s for %s", p.Name, to)
		}

		imgs = append(imgs, img)
	}

	return imgs, nil
}

// Images builds the images of all programs, each as an OCI layout.
func (r *Release) Images(ctx context.Context) ([]Artifact, error) {
	var as []Artifact

	for _, p := range program.WithImage() {
		imgs, err := r.images(ctx, p)
		if err != nil {
			return nil, err
		}

		index, err := publish.Image(r.metadata(p.Name, p.Description).Labels(), imgs...)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot join the images of %s", p.Name)
		}

		// What is written is read from there again, in place of being kept in memory.
		a, err := publish.Layout(filepath.Join(r.Out, dirImages, p.Name), r.Version, index)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot write the images of %s", p.Name)
		}

		as = append(as, Artifact{Repository: p.Name, Content: a})
	}

	return as, nil
}

// Packages builds the Crossplane packages: the function's for each platform, and the
// Configurations, which have no program and are the same for all. The Configurations
// depend on the function by the digest it has.
func (r *Release) Packages(ctx context.Context) ([]Artifact, error) {
	dir := filepath.Join(r.Out, dirPackages)
	if err := fresh(dir); err != nil {
		return nil, err
	}

	function, err := r.function(ctx, dir)
	if err != nil {
		return nil, err
	}

	digest, err := function.Digest()
	if err != nil {
		return nil, errors.Wrap(err, "cannot tell the digest of the function's package")
	}

	repository, err := r.repository(v1alpha1.FunctionName)
	if err != nil {
		return nil, err
	}

	as := []Artifact{{Repository: v1alpha1.FunctionName, Content: function}}

	for _, api := range xpkg.APIs() {
		name := xpkg.ConfigurationName(api)

		base, err := image.Empty(v1.Platform{}, r.metadata(name, "Offers TestPlatformCluster on a Konflux cluster ("+string(api)+")."))
		if err != nil {
			return nil, err
		}

		p, err := xpkg.Configuration(r.Root, r.Version, api, repository.Digest(digest.String()), base)
		if err != nil {
			return nil, err
		}

		img, err := p.Build(ctx, filepath.Join(dir, name+xpkg.Extension))
		if err != nil {
			return nil, err
		}

		a, err := publish.Package(img)
		if err != nil {
			return nil, err
		}

		as = append(as, Artifact{Repository: name, Content: a})
	}

	return as, nil
}

func (r *Release) function(ctx context.Context, dir string) (publish.Artifact, error) {
	imgs, err := r.images(ctx, program.Function())
	if err != nil {
		return nil, err
	}

	for i, img := range imgs {
		p, err := xpkg.Function(r.Root, r.Version, img)
		if err != nil {
			return nil, err
		}

		to := program.Platforms()[i]
		file := v1alpha1.FunctionName + "-" + to.OS + "-" + to.Architecture + xpkg.Extension

		if imgs[i], err = p.Build(ctx, filepath.Join(dir, file)); err != nil {
			return nil, err
		}
	}

	return publish.Package(imgs...)
}

// All builds what is pushed to a registry.
func (r *Release) All(ctx context.Context) ([]Artifact, error) {
	images, err := r.Images(ctx)
	if err != nil {
		return nil, err
	}

	packages, err := r.Packages(ctx)
	if err != nil {
		return nil, err
	}

	return published(packages, images), nil
}

// published are the artifacts that have a repository. The function's image has none:
// its package has it.
func published(packages, images []Artifact) []Artifact {
	return append(packages, slices.DeleteFunc(slices.Clone(images), func(a Artifact) bool { return a.Repository == v1alpha1.FunctionName })...)
}

// fresh makes a directory that has nothing of another version in it.
func fresh(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return errors.Wrap(err, "cannot remove what was built before")
	}

	return errors.Wrap(os.MkdirAll(dir, 0o750), "cannot make a directory to build in")
}
