//go:build linux

package stack

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/packages"
)

// ownVersion is that of the checkout that the stack runs.
const ownVersion = "v0.0.0-stack"

// A Release is a version of what is ours, in the stack's registry: all that the stack
// is not without.
type Release struct {
	Version string

	// API is the digest of the definitions: CRD, XRDs and Compositions.
	API string

	// Function is a package with the function's program in it.
	Function name.Digest

	// Configuration is a package that depends on that. There is one where the stack is
	// installed by it.
	Configuration name.Digest

	// Reconciler is an image.
	Reconciler name.Digest
}

// Release builds a checkout as a version, and publishes it. From then on manifests are
// generated of that checkout, which is to be a later one than those before and to be
// there for as long as the stack is.
func (s *Stack) Release(ctx context.Context, root, version string) (Release, error) {
	if err := s.generateOf(root); err != nil {
		return Release{}, err
	}

	api, err := config.CheckoutDigest(s.paths())
	if err != nil {
		return Release{}, err
	}

	r, b := Release{Version: version, API: api}, s.packages()
	b.Root, b.Version = root, version

	programs, err := s.buildReleased(ctx, root, version)
	if err != nil {
		return Release{}, err
	}

	if file, ok := programs[program.Reconciler().Package]; ok {
		if r.Reconciler, err = b.Reconciler(ctx, file); err != nil {
			return Release{}, err
		}
	}

	if s.CIOnly {
		return r, nil
	}

	// Without its program the package is there all the same, for Crossplane to install.
	if r.Function, err = b.Function(ctx, programs[program.Function().Package]); err != nil {
		return Release{}, err
	}

	if s.Configuration {
		r.Configuration, err = b.Configuration(ctx, xpkg.API(s.API), r.Function)
	}

	return r, err
}

// generateOf takes a checkout to generate manifests of. It keeps, as promoting versions
// does, the definitions that clusters are pinned to.
func (s *Stack) generateOf(root string) error {
	if root != s.builder.Root {
		pinned := filepath.Join(s.Deployment.dir, apiDir)

		sets, err := os.ReadDir(pinned)
		if err != nil {
			return errors.Wrap(err, "cannot read pinned definitions")
		}

		for _, set := range sets {
			err := os.CopyFS(filepath.Join(root, deployDir, apiDir, set.Name()), os.DirFS(filepath.Join(pinned, set.Name())))
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return errors.Wrap(err, "cannot keep pinned definitions")
			}
		}
	}

	s.root = root

	return nil
}

// buildReleased builds the programs of a release, and returns their files by what they
// are built of. They are stamped as those that are delivered are, but share what the Go
// tool has compiled with everything else here.
func (s *Stack) buildReleased(ctx context.Context, root, version string) (map[string]string, error) {
	dir, programs := s.dir("bin", version), map[string]string{}

	if !s.CIOnly && !s.without(WithoutFunction) {
		programs[program.Function().Package] = filepath.Join(dir, "fn")
	}

	if !s.without(WithoutReconciler) {
		programs[program.Reconciler().Package] = filepath.Join(dir, "reconciler")
	}

	return programs, s.build(ctx, root, program.LinkerFlags(version), programs)
}

// mirrored is where the stack's registry has what is published in ours.
func (s *Stack) mirrored(ref string) string {
	return strings.Replace(ref, ourRegistry, s.registry+"/"+packages.OurRepository, 1)
}

// logOf is what a version of a component has its log called.
func logOf(component string, r Release) string {
	if r.Version == ownVersion {
		return component
	}

	return component + "-" + r.Version
}
