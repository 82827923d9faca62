// Package config generates the manifests of all clusters from gen/environments.yaml.
package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/apiset"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/appci"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/together"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Paths are where things are.
type Paths struct {
	// Root of the checkout.
	Root string

	// File with the environments, and the one with its schema, below the root.
	File, Schema string

	// Out is the directory of the trees, below the root.
	Out string
}

// Generate returns all generated files, with paths below the root.
func Generate(p Paths) ([]manifest.File, error) {
	b, err := os.ReadFile(filepath.Join(p.Root, p.File))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read environments")
	}

	return GenerateFrom(p, b)
}

// CheckoutDigest returns the digest of a checkout's own definitions.
func CheckoutDigest(p Paths) (string, error) {
	s, err := apiset.OfCheckout(p.Root)
	if err != nil {
		return "", err
	}

	return s.Digest, nil
}

// GenerateFrom does the same from the content of the file with the environments.
func GenerateFrom(p Paths, b []byte) ([]manifest.File, error) {
	f, err := environments.Parse(b)
	if err != nil {
		return nil, errors.Wrapf(err, "%s is not valid", p.File)
	}

	sets, err := newSets(p)
	if err != nil {
		return nil, err
	}

	if err := check(p, f, sets.get); err != nil {
		return nil, err
	}

	files, err := trees(f, sets)
	if err != nil {
		return nil, err
	}

	for i := range files {
		files[i].Path = filepath.ToSlash(filepath.Join(p.Out, files[i].Path))
	}

	s, err := environments.Schema(manifest.Note)
	if err != nil {
		return nil, err
	}

	files = append(files, manifest.File{Path: filepath.ToSlash(p.Schema), Content: s})
	slices.SortFunc(files, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })

	return files, nil
}

// check returns an error that names all places that must be bumped together and are
// not.
func check(p Paths, f *environments.File, set func(string) (*apiset.Set, error)) error {
	problems, err := together.Provider(p.Root, f)
	if err != nil {
		return err
	}

	more, err := together.API(f, set)
	if err != nil {
		return errors.Wrapf(err, "%s", p.File)
	}

	if problems = append(problems, more...); len(problems) > 0 {
		return errors.Errorf("%s: these go together:\n%s", p.File, strings.Join(problems, "\n"))
	}

	return nil
}

func trees(f *environments.File, s *sets) ([]manifest.File, error) {
	files, err := konflux.Files(f, s.get)
	if err != nil {
		return nil, err
	}

	onAppCI, err := s.get(f.AppCI.Versions.API)
	if err != nil {
		return nil, err
	}

	more, err := appci.Files(f, "../"+onAppCI.CRDDir())
	if err != nil {
		return nil, err
	}

	farm, err := buildfarm.Files(f.AppCI.Reconciler)
	if err != nil {
		return nil, err
	}

	files = append(files, more...)
	files = append(files, farm...)

	for _, digest := range s.used() {
		set, err := s.get(digest)
		if err != nil {
			return nil, err
		}

		defs, err := set.Files()
		if err != nil {
			return nil, err
		}

		files = append(files, defs...)
	}

	return files, nil
}
