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
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pull does what a kubelet does: it pulls an image, and returns the program that it runs.
func (s *Stack) pull(ctx context.Context, image string) (string, error) {
	ref, err := name.NewDigest(image, name.StrictValidation)
	if err != nil {
		return "", errors.Wrapf(err, "cannot tell which image %q is", image)
	}

	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}))
	if err != nil {
		return "", errors.Wrapf(err, "cannot pull %s", ref)
	}

	cfg, err := img.ConfigFile()
	if err != nil || len(cfg.Config.Entrypoint) == 0 {
		return "", errors.Errorf("%s has no program: %v", ref, err)
	}

	entrypoint := cfg.Config.Entrypoint[0]
	path := filepath.Join(s.dir("images", strings.ReplaceAll(ref.DigestStr(), ":", "-")), filepath.Base(entrypoint))

	// What a digest stands for does not change.
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}

	return path, extract(img, strings.TrimPrefix(entrypoint, "/"), path)
}

// extract writes a file of an image as a program, which appears whole.
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

		tmp := to + ".tmp"

		out, err := os.OpenFile(filepath.Clean(tmp), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o700) //nolint:gosec // It is to be run.
		if err != nil {
			return errors.Wrap(err, "cannot write a program")
		}

		_, err = io.Copy(out, r) //nolint:gosec // The image is our own.
		if err := errors.Join(err, out.Close()); err != nil {
			return errors.Wrap(err, "cannot write a program")
		}

		return errors.Wrap(os.Rename(tmp, to), "cannot write a program")
	}
}
