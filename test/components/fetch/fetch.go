// Package fetch takes single programs out of container images.
package fetch

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// timeout is when a download counts as stuck. The largest program has about 120 MB.
const timeout = 10 * time.Minute

// Program is one that an image has.
type Program struct {
	// Image that has it, by its name and its tag.
	Image string

	// Path of the program there, when it is not what the image runs.
	Path string

	// Version that it must be of.
	Version string

	// Ask are the arguments that have it tell its version. Without any, the module and
	// version that Go has noted in it count.
	Ask []string

	// Module that it is the main program of.
	Module string
}

// Fetcher takes programs out of images in registries.
type Fetcher struct {
	// Mirror is the registry that all images are looked for in, in place of their own.
	Mirror string
}

// Fetch writes a program to a file. What is there when it fails is not to be used.
func (f *Fetcher) Fetch(ctx context.Context, p Program, file string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	ref, err := f.reference(p.Image)
	if err != nil {
		return err
	}

	platform := v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}

	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithPlatform(platform))
	if err != nil {
		return errors.Wrapf(err, "cannot get image %s", ref)
	}

	cfg, err := img.ConfigFile()
	if err != nil {
		return errors.Wrapf(err, "cannot get the configuration of image %s", ref)
	}

	// An image that is not one of several is served whatever platform is asked for.
	if cfg.OS != platform.OS || cfg.Architecture != platform.Architecture {
		return errors.Errorf("image %s is for %s/%s, not for %s", ref, cfg.OS, cfg.Architecture, platform)
	}

	if err := extract(img, candidates(p, cfg.Config), file); err != nil {
		return errors.Wrapf(err, "cannot take the program out of image %s", ref)
	}

	return errors.Wrapf(check(ctx, p, file), "cannot use what image %s has", ref)
}

func (f *Fetcher) reference(image string) (name.Reference, error) {
	ref, err := name.ParseReference(image, name.StrictValidation)
	if err != nil || f.Mirror == "" {
		return ref, errors.Wrap(err, "cannot parse the name of an image")
	}

	image = f.Mirror + "/" + ref.Context().RepositoryStr() + ":" + ref.Identifier()
	ref, err = name.ParseReference(image)

	return ref, errors.Wrap(err, "cannot parse the name of a mirror's image")
}

// candidates are the paths that a program may have: what the image runs is looked up as a
// container runtime does.
func candidates(p Program, cfg v1.Config) []string {
	program := p.Path
	if command := slices.Concat(cfg.Entrypoint, cfg.Cmd); program == "" && len(command) > 0 {
		program = command[0]
	}

	if program == "" || strings.Contains(program, "/") {
		return []string{path.Join("/", program)}
	}

	dirs := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

	for _, env := range cfg.Env {
		if value, ok := strings.CutPrefix(env, "PATH="); ok {
			dirs = value
		}
	}

	paths := []string{}
	for dir := range strings.SplitSeq(dirs, ":") {
		paths = append(paths, path.Join("/", dir, program))
	}

	return paths
}

// extract writes the file of one of these paths. Layers are got one by one, from the last, which
// a program is most often in; what is below is the operating system's.
func extract(img v1.Image, paths []string, file string) error {
	layers, err := img.Layers()
	if err != nil {
		return errors.Wrap(err, "cannot list its layers")
	}

	for _, l := range slices.Backward(layers) {
		found, err := extractFrom(l, paths, file)
		if err != nil || found {
			return err
		}
	}

	return errors.Errorf("it has no file %s", strings.Join(paths, ", "))
}

func extractFrom(l v1.Layer, paths []string, file string) (bool, error) {
	content, err := l.Uncompressed()
	if err != nil {
		return false, errors.Wrap(err, "cannot get a layer")
	}
	defer content.Close() //nolint:errcheck // It was only read.

	found := false
	files := tar.NewReader(content)

	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}

		if err != nil {
			return false, errors.Wrap(err, "cannot read a layer")
		}

		if !slices.Contains(paths, path.Join("/", h.Name)) { //nolint:gosec // Nothing is written there.
			continue
		}

		if h.Typeflag != tar.TypeReg {
			return false, errors.Errorf("its %s is no regular file", h.Name)
		}

		if err := write(file, files); err != nil {
			return false, err
		}

		found = true
	}

	// The digest of a layer is checked where it ends, which is behind the end of its files.
	_, err = io.Copy(io.Discard, content)

	return found, errors.Wrap(err, "cannot read a layer")
}

func write(file string, content io.Reader) error {
	f, err := os.OpenFile(filepath.Clean(file), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o700) //nolint:gosec // A program is to be run.
	if err != nil {
		return errors.Wrap(err, "cannot make a file")
	}

	if _, err := io.Copy(f, content); err != nil {
		_ = f.Close()

		return errors.Wrap(err, "cannot write a file")
	}

	return errors.Wrap(f.Close(), "cannot write a file")
}
