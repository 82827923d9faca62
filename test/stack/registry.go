//go:build linux

package stack

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// pushPackage builds a package of a directory with Crossplane's CLI and pushes it to
// the stack's registry. It returns where it is.
func (s *Stack) pushPackage(ctx context.Context, pkg, root string) (name.Digest, error) {
	file := filepath.Join(s.dir("packages"), pkg+".xpkg")

	if err := s.runToEnd(ctx, "crossplane-xpkg", s.binaries[components.CrossplaneCLI], "xpkg", "build",
		"--package-root="+root, "--package-file="+file); err != nil {
		return name.Digest{}, err
	}

	ref, err := name.ParseReference(s.registry + "/ephemeral-clusters/" + pkg + ":" + packageVersion)
	if err != nil {
		return name.Digest{}, errors.Wrapf(err, "cannot name package %s", pkg)
	}

	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		return name.Digest{}, errors.Wrapf(err, "cannot read package %s", pkg)
	}

	digest, err := img.Digest()
	if err != nil {
		return name.Digest{}, errors.Wrapf(err, "cannot tell the digest of package %s", pkg)
	}

	return ref.Context().Digest(digest.String()), errors.Wrapf(remote.Write(ref, img, remote.WithContext(ctx)), "cannot push package %s", pkg)
}

// startRegistry serves an empty registry on a free port for as long as the stack
// lives.
func (s *Stack) startRegistry() error {
	port, err := process.FreePort()
	if err != nil {
		return err
	}

	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // Returns at once.
	if err != nil {
		return errors.Wrap(err, "cannot listen for the registry")
	}

	srv := &http.Server{
		Handler:           registry.New(registry.Logger(s.nopLog())),
		ReadHeaderTimeout: 10 * time.Second,
	}

	go srv.Serve(l) //nolint:errcheck // Ends with the stack.

	s.onStop(func() { _ = srv.Close() })
	s.registry = l.Addr().String()

	return nil
}
