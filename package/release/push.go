package release

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/publish"
)

// repository is where something is published.
func (r *Release) repository(below string) (name.Repository, error) {
	repository, err := name.NewRepository(r.Registry+"/"+below, name.StrictValidation)

	return repository, errors.Wrapf(err, "cannot name what is published as %s", below)
}

// Push pushes an artifact, tagged with the version, and returns what to pull it by.
func (r *Release) Push(ctx context.Context, a Artifact, opts ...remote.Option) (name.Digest, error) {
	repository, err := r.repository(a.Repository)
	if err != nil {
		return name.Digest{}, err
	}

	return publish.Push(ctx, repository.Tag(r.Version), a.Content, opts...)
}
