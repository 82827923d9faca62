package together

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

// configurationFiles are those of the Configurations, which make Crossplane install
// provider-kubernetes in any version that satisfies theirs.
func configurationFiles() []string {
	return []string{
		"package/" + string(environments.Claims) + "/crossplane.yaml",
		"package/" + string(environments.V2) + "/crossplane.yaml",
	}
}

// constraints returns which Configurations do not take the version of provider-kubernetes
// that is tested, by the rules of the library that Crossplane decides with. At is the
// place that says which version that is.
func constraints(root, tested, at string) ([]string, error) {
	v, err := semver.NewVersion(tested)
	if err != nil {
		return nil, errors.Wrapf(err, "%s: version %q of provider-kubernetes", at, tested)
	}

	var problems []string

	for _, name := range configurationFiles() {
		wanted, err := providerConstraint(root, name)
		if err != nil {
			return nil, err
		}

		c, err := semver.NewConstraint(wanted)
		if err != nil {
			return nil, errors.Wrapf(err, "%s: version %q of provider-kubernetes", name, wanted)
		}

		if ok, reasons := c.Validate(v); !ok {
			problems = append(problems, fmt.Sprintf("%s depends on provider-kubernetes %s, but %s requires %s, which is what is tested: %s: bump both", name, wanted, at, tested, joined(reasons)))
		}
	}

	return problems, nil
}

func joined(errs []error) string {
	all := make([]string, len(errs))
	for i, err := range errs {
		all[i] = err.Error()
	}

	return strings.Join(all, ", ")
}

// providerConstraint returns which versions of provider-kubernetes a Configuration takes.
func providerConstraint(root, name string) (string, error) {
	file := filepath.Join(root, filepath.FromSlash(name))

	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return "", errors.Wrap(err, "cannot read a Configuration")
	}

	c := &pkgmetav1.Configuration{}
	if err := yaml.UnmarshalStrict(b, c); err != nil {
		return "", errors.Wrapf(err, "cannot read a Configuration: %s", name)
	}

	for _, d := range c.Spec.DependsOn {
		// It may be mirrored elsewhere, by its name.
		if d.Package != nil && path.Base(*d.Package) == path.Base(providerModule) {
			return d.Version, nil
		}
	}

	return "", errors.Errorf("%s does not depend on provider-kubernetes", name)
}
