package publish

import (
	"os"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layout writes an index of images, under a tag, as an OCI layout in place of what the
// directory holds, and returns the index as it is read from there.
func Layout(dir, tag string, a Artifact) (v1.ImageIndex, error) {
	index, ok := a.(v1.ImageIndex)
	if !ok {
		return nil, errors.New("not an index of images")
	}

	if err := os.RemoveAll(dir); err != nil {
		return nil, errors.Wrap(err, "cannot remove the former layout")
	}

	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, errors.Wrap(err, "cannot write the layout")
	}

	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{specs.AnnotationRefName: tag})); err != nil {
		return nil, errors.Wrap(err, "cannot write the images")
	}

	digest, err := index.Digest()
	if err != nil {
		return nil, errors.Wrap(err, "cannot tell the images' digest")
	}

	outer, err := l.ImageIndex()
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the layout")
	}

	inner, err := outer.ImageIndex(digest)

	return inner, errors.Wrap(err, "cannot read the images")
}
