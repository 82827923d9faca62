package components

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/rogpeppe/go-internal/lockedfile"
)

// Builder finds programs, and builds those that are missing.
type Builder struct {
	// Root of the checkout.
	Root string

	// Dir holds programs by name; nothing is built when it is set.
	Dir string

	// Cache holds what was built, keyed by name and version.
	Cache string

	// Out is told what is being built.
	Out io.Writer
}

// NewBuilder returns a builder for the checkout that holds the working
// directory, with the user's cache and environment.
func NewBuilder(out io.Writer) (*Builder, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}

	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, errors.Wrap(err, "cannot find a cache directory")
	}

	dir, err := ownDir()
	if err != nil {
		return nil, err
	}

	return &Builder{
		Root:  root,
		Dir:   dir,
		Cache: filepath.Join(cache, "ephemeral-clusters", "components"),
		Out:   out,
	}, nil
}

// ownDir returns the user's own directory of programs, if there is one. Programs and
// tests look it up from different working directories, so a relative path would name
// a different one each time.
func ownDir() (string, error) {
	dir := os.Getenv(DirVariable)
	if dir == "" || filepath.IsAbs(dir) {
		return dir, nil
	}

	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", errors.Wrap(err, "cannot find the working directory")
	}

	return "", errors.Errorf("%s must be an absolute path, not %q: set it to %s, if that is what you mean", DirVariable, dir, abs)
}

// Root returns the root of the checkout that holds the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", errors.Wrap(err, "cannot find the working directory")
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "test", "tools", stackTool, "go.mod")); err == nil {
			return dir, nil
		}

		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("cannot find the root of the checkout: run from within it")
		}

		dir = parent
	}
}

// Ensure returns the path of each program, building those that are missing.
func (b *Builder) Ensure(ctx context.Context, cs []Component) (map[string]string, error) {
	paths := make(map[string]string, len(cs))

	for _, c := range cs {
		path, err := b.ensure(ctx, c)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot provide %s", c.Name)
		}

		paths[c.Name] = path
	}

	return paths, nil
}

func (b *Builder) ensure(ctx context.Context, c Component) (string, error) {
	if b.Dir != "" && slices.ContainsFunc(slices.Concat(Stack(), Rendering()), func(s Component) bool { return s.Name == c.Name }) {
		path := filepath.Join(b.Dir, c.Name)
		_, err := os.Stat(path)

		return path, errors.Wrapf(err, "%s has none", DirVariable)
	}

	version, err := goList(ctx, b.toolDir(c.Tool), "{{.Version}}", c.Module)
	if err != nil {
		return "", err
	}

	key, err := b.key(c, version)
	if err != nil {
		return "", err
	}

	path := filepath.Join(b.Cache, c.Name, version+"-"+key, c.Name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}

	_, _ = fmt.Fprintf(b.Out, "building %s %s ... ", c.Name, version)
	start := time.Now()

	if err := b.build(ctx, c, version, path); err != nil {
		_, _ = fmt.Fprintln(b.Out, "failed")

		return "", err
	}

	_, _ = fmt.Fprintf(b.Out, "%s\n", time.Since(start).Round(time.Second))

	return path, nil
}

// Link makes a directory in which programs go by their names.
func Link(dir string, paths map[string]string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return errors.Wrap(err, "cannot make a directory")
	}

	for name, path := range paths {
		link := filepath.Join(dir, name)

		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return errors.Wrapf(err, "cannot replace the link to %s", name)
		}

		if err := os.Symlink(path, link); err != nil {
			return errors.Wrapf(err, "cannot link %s", name)
		}
	}

	return nil
}

// key changes with whatever else than its version decides what a program does.
func (b *Builder) key(c Component, version string) (string, error) {
	h := sha256.New()

	_, _ = fmt.Fprintln(h, runtime.Version(), runtime.GOARCH, ldflags(c, version))

	err := filepath.WalkDir(b.toolDir(c.Tool), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		content, err := os.ReadFile(filepath.Clean(path)) //nolint:gosec // The checkout is the user's own.
		_, _ = h.Write(content)

		return err
	})

	return hex.EncodeToString(h.Sum(nil))[:8], errors.Wrap(err, "cannot read the tool's module")
}

func (b *Builder) build(ctx context.Context, c Component, version, path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return errors.Wrap(err, "cannot make a cache directory")
	}

	// Whoever else is building it does that for both.
	unlock, err := lockedfile.MutexAt(path + ".lock").Lock()
	if err != nil {
		return errors.Wrap(err, "cannot wait for another build")
	}
	defer unlock()

	if _, err := os.Stat(path); err == nil {
		return nil
	}

	// Built beside its place and moved there whole, so that an interrupted build
	// leaves nothing that looks finished.
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer os.Remove(tmp) //nolint:errcheck // Gone already when the build succeeded.

	pkg := c.Module
	if c.Package != "" {
		pkg += "/" + c.Package
	}

	cmd := goCommand(ctx, b.toolDir(c.Tool), "build", "-ldflags", ldflags(c, version), "-o", tmp, pkg)

	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Wrapf(err, "cannot build\n%s", out)
	}

	return errors.Wrap(os.Rename(tmp, path), "cannot move the program to its place")
}

func (b *Builder) toolDir(tool string) string { return filepath.Join(b.Root, "test", "tools", tool) }

func goList(ctx context.Context, dir, format, module string) (string, error) {
	cmd := goCommand(ctx, dir, "list", "-m", "-f", format, module)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr

	out, err := cmd.Output()

	return strings.TrimSpace(string(out)), errors.Wrapf(err, "cannot look up module %s: %s", module, stderr)
}

func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // The arguments are ours.
	cmd.Dir = dir

	// Whatever else decides how packages are compiled is as for the programs of this
	// checkout, which share what is compiled.
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")

	return cmd
}

func ldflags(c Component, version string) string {
	flags := []string{"-s", "-w"}

	if c.Stamp != nil {
		vars := c.Stamp(version)
		for _, name := range slices.Sorted(maps.Keys(vars)) {
			flags = append(flags, "-X "+name+"="+vars[name])
		}
	}

	return strings.Join(flags, " ")
}
