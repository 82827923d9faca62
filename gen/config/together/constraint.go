package together

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
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

// configurations returns where Configurations depend on something else than clusters are
// deployed with. That is a version of provider-kubernetes other than the one that is
// tested, by the rules of the library that Crossplane decides with, or a repository:
// Crossplane names what it installs, and ImageConfigs find it, by that. At is the place that
// says which version is tested.
func configurations(root string, p environments.Packages, tested, at string) ([]string, error) {
	v, err := semver.NewVersion(tested)
	if err != nil {
		return nil, errors.Wrapf(err, "%s: version %q of provider-kubernetes", at, tested)
	}

	var problems []string

	for _, name := range configurationFiles() {
		deps, err := dependencies(root, name)
		if err != nil {
			return nil, err
		}

		wanted := deps[pkgv1.ProviderKind].Version

		c, err := semver.NewConstraint(wanted)
		if err != nil {
			return nil, errors.Wrapf(err, "%s: version %q of provider-kubernetes", name, wanted)
		}

		if ok, reasons := c.Validate(v); !ok {
			problems = append(problems, fmt.Sprintf("%s depends on provider-kubernetes %s, but %s requires %s, which is what is tested: %s: bump both", name, wanted, at, tested, joined(reasons)))
		}

		for _, same := range []struct{ kind, setting, want string }{
			{pkgv1.FunctionKind, "packages.function", p.Function},
			{pkgv1.ProviderKind, "packages.provider", p.Provider},
		} {
			if is := *deps[same.kind].Package; is != same.want {
				problems = append(problems, fmt.Sprintf("%s depends on %s, but %s is %s: change both", name, is, same.setting, same.want))
			}
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

// dependencies returns what a Configuration depends on, a Function and a Provider, by kind.
func dependencies(root, name string) (map[string]pkgmetav1.Dependency, error) {
	file := filepath.Join(root, filepath.FromSlash(name))

	b, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read a Configuration")
	}

	c := &pkgmetav1.Configuration{}
	if err := yaml.UnmarshalStrict(b, c); err != nil {
		return nil, errors.Wrapf(err, "cannot read a Configuration: %s", name)
	}

	deps := map[string]pkgmetav1.Dependency{}

	for _, d := range c.Spec.DependsOn {
		if d.Kind != nil && d.Package != nil {
			deps[*d.Kind] = d
		}
	}

	for _, kind := range []string{pkgv1.FunctionKind, pkgv1.ProviderKind} {
		if _, ok := deps[kind]; !ok {
			return nil, errors.Errorf("%s depends on no %s", name, kind)
		}
	}

	return deps, nil
}
