package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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

// Dir is where a release is built.
func (r *Release) Dir() string { return filepath.Join(r.Out, dirRelease, r.Version) }

// digests are what to pull artifacts by once they are pushed, a line each.
func (r *Release) digests(as []Artifact) (string, error) {
	b := &strings.Builder{}

	for _, a := range as {
		digest, err := a.Content.Digest()
		if err != nil {
			return "", errors.Wrapf(err, "cannot tell the digest of %s", a.Repository)
		}

		_, _ = fmt.Fprintf(b, "%s/%s:%s@%s\n", r.Registry, a.Repository, r.Version, digest)
	}

	return b.String(), nil
}

// CheckPush refuses artifacts that are not those that this version was released with, where
// it was, or that would move tags. Sources with changes have no version that is theirs alone.
func (r *Release) CheckPush(ctx context.Context, as []Artifact, opts ...remote.Option) error {
	if err := r.checkReleased(as); err != nil || r.Source.Changes != "" {
		return err
	}

	for _, a := range as {
		repository, err := r.repository(a.Repository)
		if err != nil {
			return err
		}

		if err := publish.CheckTag(ctx, repository.Tag(r.Version), a.Content, opts...); err != nil {
			return err
		}
	}

	return nil
}

func (r *Release) checkReleased(as []Artifact) error {
	file := filepath.Join(r.Dir(), DigestsFile)

	released, err := os.ReadFile(filepath.Clean(file))
	if os.IsNotExist(err) {
		return nil
	}

	if err != nil {
		return errors.Wrap(err, "cannot read what was released")
	}

	built, err := r.digests(as)
	if err != nil {
		return err
	}

	for line := range strings.Lines(built) {
		if !strings.Contains(string(released), line) {
			return errors.Errorf("%s was built, which %s does not have: push what was released, of the same commit, with the same Go and to the same registry", strings.TrimSpace(line), file)
		}
	}

	return nil
}

// Push pushes an artifact, tagged with the version, and returns what to pull it by.
func (r *Release) Push(ctx context.Context, a Artifact, opts ...remote.Option) (name.Digest, error) {
	repository, err := r.repository(a.Repository)
	if err != nil {
		return name.Digest{}, err
	}

	return publish.Push(ctx, repository.Tag(r.Version), a.Content, opts...)
}
