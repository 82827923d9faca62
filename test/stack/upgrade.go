//go:build linux

package stack

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
)

// A FunctionRelease is a version of our function's package, in the stack's registry.
type FunctionRelease struct {
	Version string
	Digest  name.Digest
}

// ReleaseFunction builds this checkout's function as a version, and publishes its
// package with the program in it.
func (s *Stack) ReleaseFunction(ctx context.Context, v string) (FunctionRelease, error) {
	file := s.own("fn-" + v)
	platform := v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}

	if err := (program.Builder{Root: s.builder.Root, Version: v}).Build(ctx, program.Function(), platform, file); err != nil {
		return FunctionRelease{}, err
	}

	b := s.packages()
	b.Version = v

	digest, err := b.Function(ctx, file)

	return FunctionRelease{Version: v, Digest: digest}, err
}

// DeployFunction changes the version of the function in all environments, applies the
// Konflux cluster's manifests, and runs what is in the package that is active then.
func (s *Stack) DeployFunction(ctx context.Context, r FunctionRelease) error {
	release := environments.Release{Version: r.Version, Digest: r.Digest.DigestStr()}
	if err := s.reconfigure(func(e *environments.Environment) { e.Versions.Function = release }); err != nil {
		return err
	}

	if err := s.ApplyKonflux(ctx); err != nil {
		return err
	}

	rev, err := s.revisionOf(ctx, r)
	if err != nil {
		return err
	}

	file, err := s.pull(ctx, rev)
	if err != nil {
		return err
	}

	former := s.ours
	f := functionPackage{name: v1alpha1.FunctionName, log: ComponentFunction + "-" + r.Version, program: file}

	if s.Function, s.ours, err = s.serveFunction(ctx, f, rev); err != nil {
		return err
	}

	if err := s.awaitPackage(ctx, &pkgv1.Function{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.FunctionName}}); err != nil {
		return err
	}

	// Crossplane may still call the one before while the new one is not ready.
	if former != nil {
		former.Stop()
	}

	return nil
}

// revisionOf waits until a release is the active revision.
func (s *Stack) revisionOf(ctx context.Context, r FunctionRelease) (pkgv1.PackageRevisionWithRuntime, error) {
	var found pkgv1.PackageRevisionWithRuntime

	return found, poll(ctx, func(ctx context.Context) error {
		rev, err := s.activeRevision(ctx, &pkgv1.FunctionRevisionList{}, v1alpha1.FunctionName)
		if err != nil {
			return err
		}

		if !strings.HasSuffix(rev.GetSource(), r.Digest.DigestStr()) {
			return notYetError{errors.Errorf("the active revision is of %s", rev.GetSource())}
		}

		found = rev

		return nil
	})
}

// pull does what a kubelet does: it pulls the image of a package's revision, and
// returns the program in it.
func (s *Stack) pull(ctx context.Context, rev pkgv1.PackageRevision) (string, error) {
	ref, err := name.ParseReference(rev.GetResolvedSource())
	if err != nil {
		return "", errors.Wrap(err, "cannot read the package's source")
	}

	img, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return "", errors.Wrapf(err, "cannot pull %s", ref)
	}

	cfg, err := img.ConfigFile()
	if err != nil || len(cfg.Config.Entrypoint) == 0 {
		return "", errors.Errorf("the image of %s has no program: %v", ref, err)
	}

	path := filepath.Join(s.dir("images", rev.GetName()), filepath.Base(cfg.Config.Entrypoint[0]))

	return path, extract(img, strings.TrimPrefix(cfg.Config.Entrypoint[0], "/"), path)
}

// extract writes a file of an image as a program.
func extract(img v1.Image, file, to string) error {
	content := mutate.Extract(img)
	defer content.Close() //nolint:errcheck // It was only read.

	for r := tar.NewReader(content); ; {
		h, err := r.Next()
		if err != nil {
			return errors.Wrapf(err, "cannot find %s in an image", file)
		}

		if h.Name != file {
			continue
		}

		// A program that runs cannot be written to.
		if err := os.Remove(to); err != nil && !os.IsNotExist(err) {
			return errors.Wrap(err, "cannot replace a program")
		}

		out, err := os.OpenFile(filepath.Clean(to), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o700) //nolint:gosec // It is to be run.
		if err != nil {
			return errors.Wrap(err, "cannot write a program")
		}

		_, err = io.Copy(out, r) //nolint:gosec // The image is our own.

		return errors.Wrap(errors.Join(err, out.Close()), "cannot write a program")
	}
}
