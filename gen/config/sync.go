package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

const (
	modeDir  = 0o755
	modeFile = 0o644
)

// Write writes files that differ from what is there, and removes those that were
// generated once and are no longer, with the directories that become empty.
func Write(p Paths, files []manifest.File) error {
	for _, f := range files {
		path := filepath.Join(p.Root, filepath.FromSlash(f.Path))

		if have, err := os.ReadFile(filepath.Clean(path)); err == nil && bytes.Equal(have, f.Content) {
			continue
		}

		if err := os.MkdirAll(filepath.Dir(path), modeDir); err != nil {
			return errors.Wrap(err, "cannot make directory")
		}

		if err := os.WriteFile(path, f.Content, modeFile); err != nil {
			return errors.Wrap(err, "cannot write generated file")
		}
	}

	old, err := superfluous(p, files)
	if err != nil {
		return err
	}

	for _, path := range old {
		if err := remove(p, path); err != nil {
			return err
		}
	}

	return nil
}

// Check says of each file that is not as it is generated now what is wrong with it.
func Check(p Paths, files []manifest.File) ([]string, error) {
	var problems []string

	for _, f := range files {
		have, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(f.Path)))

		switch {
		case os.IsNotExist(err):
			problems = append(problems, f.Path+": is missing")
		case err != nil:
			return nil, errors.Wrap(err, "cannot read generated file")
		case !bytes.Equal(have, f.Content):
			problems = append(problems, f.Path+": "+difference(string(have), string(f.Content)))
		}
	}

	old, err := superfluous(p, files)
	if err != nil {
		return nil, err
	}

	for _, path := range old {
		problems = append(problems, path+": is no longer generated")
	}

	slices.Sort(problems)

	return problems, nil
}

// superfluous returns files below the output directory that say they are generated and
// are not. What people wrote there says no such thing.
func superfluous(p Paths, files []manifest.File) ([]string, error) {
	wanted := map[string]bool{}
	for _, f := range files {
		wanted[f.Path] = true
	}

	root, err := os.OpenRoot(filepath.Join(p.Root, p.Out))
	if os.IsNotExist(err) {
		return nil, nil
	}

	if err != nil {
		return nil, errors.Wrap(err, "cannot open output directory")
	}
	defer root.Close() //nolint:errcheck // It was only read.

	var found []string

	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		name := filepath.ToSlash(filepath.Join(p.Out, path))

		if err != nil || d.IsDir() || wanted[name] {
			return err
		}

		b, err := root.ReadFile(path)
		if err == nil && bytes.HasPrefix(b, []byte(manifest.Header)) {
			found = append(found, name)
		}

		return err
	})

	return found, errors.Wrap(err, "cannot look for files that are no longer generated")
}

// remove removes a file, and the directories above it that it leaves empty.
func remove(p Paths, path string) error {
	top := filepath.Join(p.Root, p.Out)
	path = filepath.Join(p.Root, filepath.FromSlash(path))

	if err := os.Remove(path); err != nil {
		return errors.Wrap(err, "cannot remove file that is no longer generated")
	}

	for dir := filepath.Dir(path); dir != top; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return errors.Wrap(err, "cannot read directory")
		}

		if len(entries) > 0 {
			break
		}

		if err := os.Remove(dir); err != nil {
			return errors.Wrap(err, "cannot remove empty directory")
		}
	}

	return nil
}

// difference says where two texts differ first.
func difference(have, want string) string {
	a, b := strings.Split(have, "\n"), strings.Split(want, "\n")

	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, should be %q", i+1, a[i], b[i])
		}
	}

	return fmt.Sprintf("has %d lines, should have %d", len(a), len(b))
}
