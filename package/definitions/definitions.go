// Package definitions knows the project's own definitions as one: the CRD of
// EphemeralCluster, and the XRDs and Compositions of TestPlatformCluster.
package definitions

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

const (
	// CRDDir is where a set has the CRD. What it has of an API is in a directory that is
	// called like the API.
	CRDDir = "crd"

	fileCRD         = "ephemeralclusters.yaml"
	fileXRD         = "xrd.yaml"
	fileComposition = "composition.yaml"
)

// A Set is the content of files by their paths.
type Set map[string][]byte

// CRD is the path of the CRD.
func CRD() string { return path.Join(CRDDir, fileCRD) }

// XRD is the path of an API's XRD.
func XRD(api xpkg.API) string { return path.Join(string(api), fileXRD) }

// Composition is the path of an API's Composition.
func Composition(api xpkg.API) string { return path.Join(string(api), fileComposition) }

// Paths are those of a set's files, with where these are in a checkout.
func Paths() map[string]string {
	paths := map[string]string{CRD(): "api/crd/ci.openshift.io_ephemeralclusters.yaml"}

	for _, api := range xpkg.APIs() {
		paths[XRD(api)] = "xrd/" + string(api) + ".yaml"
		paths[Composition(api)] = "composition/" + string(api) + ".yaml"
	}

	return paths
}

// OfCheckout returns the set of a checkout.
func OfCheckout(root string) (Set, error) {
	s := Set{}

	for p, source := range Paths() {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(source))) //nolint:gosec // The root is a flag of the one who runs this.
		if err != nil {
			return nil, errors.Wrap(err, "cannot read definition")
		}

		s[p] = b
	}

	return s, nil
}

// Digest of the files in order of their paths, as in "sha256:0385...".
func (s Set) Digest() string {
	h := sha256.New()

	for _, p := range slices.Sorted(maps.Keys(s)) {
		sum := sha256.Sum256(s[p])
		_, _ = h.Write([]byte(p + " " + hex.EncodeToString(sum[:]) + "\n"))
	}

	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
