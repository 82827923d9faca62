package release

import (
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/sbom"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// sbomExtension of a document's file comes after the name of what it describes.
const sbomExtension = ".spdx.json"

// pulledAssets writes what everything is made of that can be pulled, by the digest that it
// is pulled by.
func (r *Release) pulledAssets(dir string, packages, images []Artifact) error {
	for _, a := range packages {
		if err := r.artifactSBOMs(dir, a, xpkg.Extension); err != nil {
			return err
		}
	}

	for _, a := range published(nil, images) {
		if err := r.artifactSBOMs(dir, a, ".image"); err != nil {
			return err
		}
	}

	return nil
}

// artifactSBOMs writes a document for each platform of an artifact that runs a program, or
// the only one of an artifact that runs nothing.
func (r *Release) artifactSBOMs(dir string, a Artifact, extension string) error {
	repository, err := r.repository(a.Repository)
	if err != nil {
		return err
	}

	index, ok := a.Content.(v1.ImageIndex)
	if !ok {
		digest, err := a.Content.Digest()
		if err != nil {
			return errors.Wrapf(err, "cannot tell the digest of %s", a.Repository)
		}

		return r.writeSBOM(filepath.Join(dir, a.Repository+extension), sbom.Subject{Name: a.Repository, Image: new(repository.Digest(digest.String()))})
	}

	m, err := index.IndexManifest()
	if err != nil {
		return errors.Wrapf(err, "cannot read the images of %s", a.Repository)
	}

	for _, d := range m.Manifests {
		p := program.Program{Name: a.Repository}

		if err := r.writeSBOM(filepath.Join(dir, assetName(p, *d.Platform)+extension), sbom.Subject{
			Name:    p.Name,
			Program: r.programFile(p, *d.Platform),
			Image:   new(repository.Digest(d.Digest.String())),
		}); err != nil {
			return err
		}
	}

	return nil
}

// writeSBOM writes what is made of this release's sources, beside the file that it describes.
func (r *Release) writeSBOM(beside string, s sbom.Subject) error {
	s.Version, s.Revision, s.Created = r.Version, r.Source.Revision, r.Source.Time

	content, err := sbom.Generate(s)
	if err != nil {
		return err
	}

	return write(beside+sbomExtension, content)
}
