package konflux

import (
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// directory returns files of objects with a kustomization of them and of bases.
func directory(dir string, bases []string, objs map[string][]any, patches ...manifest.Patch) ([]manifest.File, error) {
	files, err := objectFiles(dir, objs)
	if err != nil {
		return nil, err
	}

	k, err := manifest.Kustomize(dir, append(bases, manifest.Names(files)...), patches...)

	return append(files, k), err
}

// component returns files of objects with a component of them and of patches.
func component(dir string, objs map[string][]any, patches ...manifest.Patch) ([]manifest.File, error) {
	files, err := objectFiles(dir, objs)
	if err != nil {
		return nil, err
	}

	k, err := manifest.Component(dir, manifest.Names(files), patches...)

	return append(files, k), err
}

func objectFiles(dir string, objs map[string][]any) ([]manifest.File, error) {
	files := make([]manifest.File, 0, len(objs)+1)

	for _, name := range slices.Sorted(maps.Keys(objs)) {
		f, err := manifest.Objects(path.Join(dir, name), objs[name]...)
		if err != nil {
			return nil, err
		}

		files = append(files, f)
	}

	return files, nil
}

// relative returns the way from one directory to another one.
func relative(from, to string) (string, error) {
	rel, err := filepath.Rel(filepath.FromSlash(from), filepath.FromSlash(to))

	return filepath.ToSlash(rel), errors.Wrap(err, "cannot find the way between directories")
}
