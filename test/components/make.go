package components

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/fetch"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/progress"
)

// What is done with a component, as the progress says it.
const (
	building = "building"
	fetching = "fetching"
)

// target is a program that is to be there, and where.
type target struct {
	Component

	version string

	// own is the path of a program that the user has.
	own string

	// built is where it is when it was built, and fetched where it is when it was taken out of
	// its image; empty when it is not to be.
	built   string
	fetched string
	image   fetch.Program
}

// target finds out what a component is here.
func (b *Builder) target(ctx context.Context, c Component) (target, error) {
	if b.Dir != "" && slices.ContainsFunc(slices.Concat(Stack(), Rendering()), func(s Component) bool { return s.Name == c.Name }) {
		path := filepath.Join(b.Dir, c.Name)
		_, err := os.Stat(path)

		return target{Component: c, own: path}, errors.Wrapf(err, "%s has none", DirVariable)
	}

	version, err := goList(ctx, b.toolDir(c.Tool), "{{.Version}}", c.Module)
	if err != nil {
		return target{}, err
	}

	key, err := b.key(c, version)
	if err != nil {
		return target{}, err
	}

	t := target{Component: c, version: version, built: filepath.Join(b.Cache, c.Name, version+"-"+key, c.Name)}

	if b.Images == nil || c.Image == nil {
		return t, nil
	}

	if t.image, err = c.Image(version); err != nil {
		return target{}, errors.Wrap(err, "cannot name its image")
	}

	// What was fetched is never taken for what was built.
	t.fetched = filepath.Join(b.Cache, c.Name, version+"-image-"+imageKey(t.image), c.Name)

	return t, nil
}

// imageKey changes with whatever decides what a program out of an image is.
func imageKey(p fetch.Program) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s/%s %+v", runtime.GOOS, runtime.GOARCH, p)

	return hex.EncodeToString(h.Sum(nil))[:8]
}

// present returns the path of a program that is there already. What was built because it could
// not be fetched is taken too, so that this is not tried again each time.
func (t target) present() string {
	if t.own != "" {
		return t.own
	}

	for _, path := range []string{t.fetched, t.built} {
		if _, err := os.Stat(path); path != "" && err == nil {
			return path
		}
	}

	return ""
}

func (t target) String() string { return t.Name + " " + t.version }

func steps(ts []target) []progress.Step {
	steps := make([]progress.Step, 0, len(ts))

	for _, t := range ts {
		s := progress.Step{Name: t.String()}
		if t.fetched == "" {
			s.CPU = t.Typical
		}

		steps = append(steps, s)
	}

	return steps
}

// make fetches or builds a program, and returns where it is.
func (b *Builder) make(ctx context.Context, p *progress.Progress, t target) (string, error) {
	path, err := b.fetch(ctx, p, t)
	if err == nil && path == "" {
		path, err = t.built, b.once(ctx, p, t.built, "built", func(dir, file string) error {
			return b.build(ctx, t.Component, t.version, dir, file)
		})
	}

	switch {
	case err == nil:
		return path, nil
	case ctx.Err() != nil:
		p.Failed("interrupted")

		return "", errors.Wrap(ctx.Err(), "interrupted")
	default:
		p.Failed("failed")

		return "", err
	}
}

// fetch returns the path of a program that was taken out of its image. What cannot be had is
// built, which is said with why.
func (b *Builder) fetch(ctx context.Context, p *progress.Progress, t target) (string, error) {
	if t.fetched == "" {
		p.Begin(building)

		if b.Images != nil && t.NoImage != "" {
			p.Turn(building, t.Typical, fmt.Sprintf("%s is built: %s", t, t.NoImage))
		}

		return "", nil
	}

	p.Begin(fetching)

	err := b.once(ctx, p, t.fetched, "fetched", func(_, file string) error {
		return b.Images.Fetch(ctx, t.image, file)
	})
	if err == nil || ctx.Err() != nil {
		return t.fetched, err
	}

	p.Turn(building, t.Typical, fmt.Sprintf("%s is built: %s", t, oneLine(err.Error())))

	return "", nil
}

// once has a program made in a directory that is removed, and moves it to its place when it is
// whole, so that an interrupted run leaves nothing that looks finished. Whoever else is making it
// does that for both.
func (b *Builder) once(ctx context.Context, p *progress.Progress, path, done string, produce func(dir, file string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return errors.Wrap(err, "cannot make a cache directory")
	}

	unlock, err := lock(ctx, path+".lock")
	if err != nil {
		return errors.Wrap(err, "cannot wait for another process")
	}
	defer unlock()

	if _, err := os.Stat(path); err == nil {
		p.Elsewhere(done + " by another process")

		return nil
	}

	// What a process that was killed has left is there, because nobody else is at it.
	dir := path + ".tmp"
	if err := os.RemoveAll(dir); err != nil {
		return errors.Wrap(err, "cannot remove what was left behind")
	}

	defer os.RemoveAll(dir) //nolint:errcheck // The next run does it.

	if err := os.Mkdir(dir, 0o750); err != nil {
		return errors.Wrap(err, "cannot make a temporary directory")
	}

	file := filepath.Join(dir, filepath.Base(path))
	if err := produce(dir, file); err != nil {
		return err
	}

	if err := os.Rename(file, path); err != nil {
		return errors.Wrap(err, "cannot move the program to its place")
	}

	p.Done(done)

	return nil
}

// lock waits for a lock, but not for longer than the context lasts.
func lock(ctx context.Context, path string) (func(), error) {
	type result struct {
		unlock func()
		err    error
	}

	locked := make(chan result, 1)

	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		locked <- result{unlock, err}
	}()

	select {
	case r := <-locked:
		return r.unlock, r.err
	case <-ctx.Done():
		go func() {
			if r := <-locked; r.err == nil {
				r.unlock()
			}
		}()

		return nil, ctx.Err()
	}
}
