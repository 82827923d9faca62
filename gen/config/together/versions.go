// Package together finds places that must be bumped together, and were not.
package together

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

const providerModule = "github.com/crossplane-contrib/provider-kubernetes"

// moduleFiles are those that pin provider-kubernetes: what the code is written for,
// and what the tests run.
func moduleFiles() []string {
	return []string{"go.mod", "test/tools/stack/go.mod"}
}

// Provider returns where provider-kubernetes is at another version than where it is
// tested, or must be. The first environment is to run what is tested; those after it may lag, but
// not be ahead of the one before.
func Provider(root string, f *environments.File) ([]string, error) {
	var (
		problems []string
		tested   string
		at       string
	)

	for _, name := range moduleFiles() {
		v, err := requiredVersion(root, name)
		if err != nil {
			return nil, err
		}

		if tested != "" && v != tested {
			problems = append(problems, fmt.Sprintf("%s requires provider-kubernetes %s, but %s requires %s: bump both", name, v, at, tested))
		}

		tested, at = v, name
	}

	more, err := configurations(root, f.Packages, tested, at)
	if err != nil {
		return nil, err
	}

	problems = append(problems, more...)

	for i, e := range f.Environments {
		place := fmt.Sprintf("environments[%s].versions.provider", e.Name)
		is := e.Versions.Provider.Version

		switch {
		case i == 0 && is != tested:
			problems = append(problems, fmt.Sprintf("%s is %s, but %s requires %s, which is what is tested: bump both", place, is, at, tested))
		case i > 0 && semver.Compare(is, f.Environments[i-1].Versions.Provider.Version) > 0:
			before := f.Environments[i-1]
			problems = append(problems, fmt.Sprintf("%s is %s, but environments[%s], which comes before, has %s: promote to that first", place, is, before.Name, before.Versions.Provider.Version))
		}
	}

	return problems, nil
}

func requiredVersion(root, name string) (string, error) {
	path := filepath.Join(root, filepath.FromSlash(name))

	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "", errors.Wrap(err, "cannot read module file")
	}

	m, err := modfile.ParseLax(name, b, nil)
	if err != nil {
		return "", errors.Wrap(err, "cannot parse module file")
	}

	for _, r := range m.Require {
		if r.Mod.Path == providerModule {
			return r.Mod.Version, nil
		}
	}

	return "", errors.Errorf("%s does not require %s", name, providerModule)
}
