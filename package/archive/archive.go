// Package archive writes tar archives that have the same bytes whenever, wherever and
// by whomever they are made.
package archive

import (
	"archive/tar"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

const modeDir = 0o755

// A File is a regular file of an archive.
type File struct {
	// Mode is its permissions.
	Mode int64

	// Size is its length in bytes.
	Size int64

	// Open opens its content.
	Open func() (io.ReadCloser, error)
}

// FromDisk is the file at a path, with other permissions.
func FromDisk(name string, mode int64) (File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return File{}, errors.Wrap(err, "cannot archive a file")
	}

	return File{
		Mode: mode,
		Size: info.Size(),
		Open: func() (io.ReadCloser, error) { return os.Open(filepath.Clean(name)) },
	}, nil
}

// Write writes files by their relative, slash-separated names, in their order and
// with their directories, which all belong to root and were made at the given time.
func Write(w io.Writer, files map[string]File, made time.Time) error {
	t := tar.NewWriter(w)
	dirs := map[string]bool{".": true}

	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, dir := range parents(name) {
			if dirs[dir] {
				continue
			}

			dirs[dir] = true

			if err := t.WriteHeader(header(dir+"/", tar.TypeDir, modeDir, 0, made)); err != nil {
				return errors.Wrapf(err, "cannot archive %s", dir)
			}
		}

		if err := writeFile(t, name, files[name], made); err != nil {
			return errors.Wrapf(err, "cannot archive %s", name)
		}
	}

	return errors.Wrap(t.Close(), "cannot end an archive")
}

// WriteDir writes all files below a directory.
func WriteDir(w io.Writer, dir string, made time.Time) error {
	files := map[string]File{}

	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}

		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}

		files[filepath.ToSlash(rel)], err = FromDisk(name, 0o644)

		return err
	})
	if err != nil {
		return errors.Wrapf(err, "cannot archive %s", dir)
	}

	return Write(w, files, made)
}

// parents are the directories of a name, outermost first.
func parents(name string) []string {
	var dirs []string
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
	}

	slices.Reverse(dirs)

	return dirs
}

func header(name string, kind byte, mode, size int64, made time.Time) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Mode: mode, Size: size, ModTime: made.UTC().Truncate(time.Second), Format: tar.FormatPAX}
}

func writeFile(t *tar.Writer, name string, f File, made time.Time) error {
	if err := t.WriteHeader(header(name, tar.TypeReg, f.Mode, f.Size, made)); err != nil {
		return err
	}

	r, err := f.Open()
	if err != nil {
		return err
	}

	defer r.Close() //nolint:errcheck // It was only read.

	_, err = io.Copy(t, r)

	return err
}
