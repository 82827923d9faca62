// Package apiset keeps sets of the project's own definitions: the CRD of
// EphemeralCluster, and the XRDs and Compositions of TestPlatformCluster. A set is
// known by the digest of its content, so that every environment can stay on the one
// that its function was released with while the checkout moves on.
package apiset

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	extv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/definitions"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// Dir is the directory that sets are kept in.
const Dir = "api"

// shortDigest is how much of a digest names a directory.
const shortDigest = 12

// A Set is one set of definitions.
type Set struct {
	// Digest of the content.
	Digest string

	// content of its files, by their paths in the set's directory.
	content definitions.Set
}

// OfCheckout returns the set of a checkout.
func OfCheckout(root string) (*Set, error) {
	content, err := definitions.OfCheckout(root)
	if err != nil {
		return nil, err
	}

	return &Set{Digest: content.Digest(), content: content}, nil
}

// kept returns the set of a digest that is kept below an output directory, or nil
// when there is none.
func kept(out, digest string) (*Set, error) {
	s := &Set{Digest: digest, content: definitions.Set{}}

	for part := range definitions.Paths() {
		b, err := os.ReadFile(filepath.Join(out, filepath.FromSlash(s.dir()), filepath.FromSlash(part))) //nolint:gosec // The directory is a flag of the one who runs this.
		if os.IsNotExist(err) {
			return nil, nil //nolint:nilnil // Not having one is not an error here.
		}

		if err != nil {
			return nil, errors.Wrap(err, "cannot read definition")
		}

		s.content[part] = bytes.TrimPrefix(b, []byte(manifest.Header))
	}

	if is := s.content.Digest(); is != digest {
		return nil, errors.Errorf("%s was edited by hand: it is %s, not %s. Restore it from version control", s.dir(), is, digest)
	}

	return s, nil
}

// Get returns the set of a digest: the checkout's, or one that is kept.
func Get(checkout *Set, out, digest string) (*Set, error) {
	if checkout.Digest == digest {
		return checkout, nil
	}

	s, err := kept(out, digest)
	if s == nil && err == nil {
		err = errors.Errorf("there is no set of definitions %s: this checkout's is %s, and none is kept in %s", digest, checkout.Digest, (&Set{Digest: digest}).dir())
	}

	return s, err
}

// Files returns the set as kustomizations.
func (s *Set) Files() ([]manifest.File, error) {
	files := make([]manifest.File, 0, 2*len(s.content))
	dirs := map[string][]manifest.File{}

	for part, b := range s.content {
		f := manifest.File{Path: path.Join(s.dir(), part), Content: append([]byte(manifest.Header), b...)}
		files = append(files, f)
		dirs[path.Dir(f.Path)] = append(dirs[path.Dir(f.Path)], f)
	}

	for dir, in := range dirs {
		k, err := manifest.Kustomize(dir, slices.Sorted(slices.Values(manifest.Names(in))))
		if err != nil {
			return nil, err
		}

		files = append(files, k)
	}

	return files, nil
}

// CRDDir is the kustomization of the CRD.
func (s *Set) CRDDir() string {
	return path.Join(s.dir(), definitions.CRDDir)
}

// ModeDir is the kustomization of the definitions of an API mode.
func (s *Set) ModeDir(m environments.Mode) string {
	return path.Join(s.dir(), string(m))
}

// CRD returns the CRD of EphemeralCluster.
func (s *Set) CRD() (*extv1.CustomResourceDefinition, error) {
	crd := &extv1.CustomResourceDefinition{}

	return crd, errors.Wrap(yaml.Unmarshal(s.content[definitions.CRD()], crd), "cannot parse CRD")
}

// XRD returns the XRD of an API mode.
func (s *Set) XRD(m environments.Mode) (*xv1.CompositeResourceDefinition, error) {
	xrd := &xv1.CompositeResourceDefinition{}

	return xrd, errors.Wrap(yaml.Unmarshal(s.content[definitions.XRD(xpkg.API(m))], xrd), "cannot parse XRD")
}

// Composition returns the Composition of an API mode.
func (s *Set) Composition(m environments.Mode) (*xv1.Composition, error) {
	c := &xv1.Composition{}

	return c, errors.Wrap(yaml.Unmarshal(s.content[definitions.Composition(xpkg.API(m))], c), "cannot parse Composition")
}

func (s *Set) dir() string {
	hex := strings.TrimPrefix(s.Digest, "sha256:")

	return path.Join(Dir, hex[:min(shortDigest, len(hex))])
}
