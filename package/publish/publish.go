// Package publish brings images and packages to a registry, those of several
// platforms under one name.
package publish

import (
	"context"
	"net/http"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// layerAnnotation tells what is in a layer of a Crossplane package.
const layerAnnotation = "io.crossplane.xpkg"

// An Artifact is an image or an index of images.
type Artifact interface {
	remote.Taggable

	Digest() (v1.Hash, error)
}

// Image makes one artifact of an image's forms for each platform, with annotations.
// A single form needs no index: Crossplane would look for its own platform there.
func Image(annotations map[string]string, platforms ...v1.Image) (Artifact, error) {
	adds := make([]mutate.IndexAddendum, len(platforms))

	for i, img := range platforms {
		if annotations != nil {
			img = mutate.Annotations(img, annotations).(v1.Image) //nolint:errcheck,forcetypeassert // It returns the type it is given.
		}

		if len(platforms) == 1 {
			return img, nil
		}

		cfg, err := img.ConfigFile()
		if err != nil {
			return nil, errors.Wrap(err, "cannot read the image's configuration")
		}

		mt, err := img.MediaType()
		if err != nil {
			return nil, errors.Wrap(err, "cannot tell the image's type")
		}

		adds[i] = mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			MediaType: mt,
			Platform:  &v1.Platform{OS: cfg.OS, Architecture: cfg.Architecture},
		}}
	}

	index := mutate.AppendManifests(empty.Index, adds...)
	if annotations != nil {
		index = mutate.Annotations(index, annotations).(v1.ImageIndex) //nolint:errcheck,forcetypeassert // It returns the type it is given.
	}

	return index, nil
}

// Package makes one artifact of a Crossplane package's forms for each platform. It is,
// to the digest, what `crossplane xpkg push` makes of the same files, in which order
// they come: what is in a layer, which a file can only tell in the image's labels,
// becomes the layer's annotation, by which Crossplane finds the package's content.
func Package(platforms ...v1.Image) (Artifact, error) {
	annotated := make([]v1.Image, len(platforms))

	for i, img := range platforms {
		var err error
		if annotated[i], err = annotateLayers(img); err != nil {
			return nil, errors.Wrap(err, "cannot annotate the package's layers")
		}
	}

	return Image(nil, annotated...)
}

// annotateLayers puts the image together anew, with annotations of its layers.
// crossplane-runtime has the same in a package that needs all of cosign.
func annotateLayers(img v1.Image) (v1.Image, error) {
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}

	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}

	adds := make([]mutate.Addendum, len(layers))

	for i, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}

		adds[i] = mutate.Addendum{Layer: l}
		if content, ok := cfg.Config.Labels[layerAnnotation+":"+digest.String()]; ok {
			adds[i].Annotations = map[string]string{layerAnnotation: content}
		}
	}

	annotated, err := mutate.Append(empty.Image, adds...)
	if err != nil {
		return nil, err
	}

	return mutate.ConfigFile(annotated, cfg)
}

// CheckTag refuses an artifact that would move a tag. One that is there already under that
// tag can be pushed again.
func CheckTag(ctx context.Context, to name.Tag, a Artifact, opts ...remote.Option) error {
	digest, err := a.Digest()
	if err != nil {
		return errors.Wrapf(err, "cannot tell the digest of %s", to)
	}

	is, err := remote.Head(to, options(ctx, opts)...)
	if err != nil {
		// Registries also deny what they would create when it is pushed to.
		refused := &transport.Error{}
		if errors.As(err, &refused) && slices.Contains([]int{http.StatusNotFound, http.StatusUnauthorized, http.StatusForbidden}, refused.StatusCode) {
			return nil
		}

		return errors.Wrapf(err, "cannot tell what %s is", to)
	}

	if is.Digest != digest {
		return errors.Errorf("%s is %s already, and would become %s: a version is published once", to, is.Digest, digest)
	}

	return nil
}

// options are those of the caller, who logs in as Docker and Podman would.
func options(ctx context.Context, opts []remote.Option) []remote.Option {
	return append([]remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}, opts...)
}

// Push pushes an artifact under a tag, with all that it refers to, and returns the
// digest to pull it by.
func Push(ctx context.Context, to name.Tag, a Artifact, opts ...remote.Option) (name.Digest, error) {
	// Of anything else only a manifest would be pushed.
	switch a.(type) {
	case v1.Image, v1.ImageIndex:
	default:
		return name.Digest{}, errors.Errorf("cannot push %s: neither an image nor an index but %T", to, a)
	}

	digest, err := a.Digest()
	if err != nil {
		return name.Digest{}, errors.Wrapf(err, "cannot tell the digest of %s", to)
	}

	if err := remote.Push(to, a, options(ctx, opts)...); err != nil {
		return name.Digest{}, errors.Wrapf(err, "cannot push %s", to)
	}

	return to.Digest(digest.String()), nil
}
