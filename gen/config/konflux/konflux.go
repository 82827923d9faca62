// Package konflux generates what a Konflux cluster needs: the packages that it runs,
// how they reach app.ci, who may do what, and which cluster it is.
package konflux

import (
	"path"
	"slices"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/apiset"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Dir is the directory of all Konflux clusters' trees.
const Dir = "konflux"

// common is the base of both API modes.
const common = "common"

// Files returns the trees of all clusters. A set is looked up by its digest.
func Files(f *environments.File, set func(digest string) (*apiset.Set, error)) ([]manifest.File, error) {
	files, err := baseFiles()
	if err != nil {
		return nil, err
	}

	configuration, err := configurationFiles(f.Packages)
	if err != nil {
		return nil, err
	}

	files = append(files, configuration...)

	for _, e := range f.Environments {
		shared := settings{api: e.API, connection: e.Connection(), versions: e.Versions}

		all, err := shared.files(path.Join(Dir, e.Name, environments.BaseDir), f.Packages, set)
		if err != nil {
			return nil, err
		}

		files = append(files, all...)

		for _, c := range e.Clusters {
			own := settings{api: c.API, connection: f.ConnectionOf(e, c), versions: *c.Versions}

			one, err := clusterFiles(e, c, own == shared, func(dir string) ([]manifest.File, error) {
				return own.files(dir, f.Packages, set)
			})
			if err != nil {
				return nil, err
			}

			files = append(files, one...)
		}
	}

	return files, nil
}

// settings are what clusters can differ in, beside their names.
type settings struct {
	api        environments.Mode
	connection environments.Connection
	versions   environments.Versions
}

// baseFiles are what clusters of all environments share.
func baseFiles() ([]manifest.File, error) {
	base := path.Join(Dir, environments.BaseDir)

	files, err := directory(path.Join(base, common), nil, map[string][]any{
		"namespaces.yaml":      namespaces(),
		"provider-config.yaml": providerConfigs(),
		"rights.yaml":          rights(),
		"policy.yaml":          slices.Concat(objectPolicy().Objects(), orphanPolicy().Objects(), usagePolicy().Objects()),
		"runtime.yaml":         runtime(),
	})
	if err != nil {
		return nil, err
	}

	for mode, policy := range map[environments.Mode]manifest.Policy{
		environments.Claims: claimPolicy(),
		environments.V2:     compositePolicy(),
	} {
		more, err := directory(path.Join(base, string(mode)), []string{"../" + common}, map[string][]any{
			"policy.yaml": policy.Objects(),
			"usages.yaml": usages(mode),
		})
		if err != nil {
			return nil, err
		}

		files = append(files, more...)
	}

	return files, nil
}

// files returns a directory of what the settings decide.
func (s settings) files(dir string, p environments.Packages, set func(string) (*apiset.Set, error)) ([]manifest.File, error) {
	definitions, err := set(s.versions.API)
	if err != nil {
		return nil, err
	}

	patches, err := s.patches()
	if err != nil {
		return nil, err
	}

	base, err := relative(dir, path.Join(Dir, environments.BaseDir, string(s.api)))
	if err != nil {
		return nil, err
	}

	api, err := relative(dir, definitions.ModeDir(s.api))
	if err != nil {
		return nil, err
	}

	return directory(dir, []string{base, api}, map[string][]any{
		"packages.yaml":    packages(p, s.versions),
		ExternalSecretFile: {externalSecret(s.connection.VaultPath)},
		"provider.yaml":    provider(s.connection.Token),
	}, patches...)
}

// patches tell the Composition of another namespace than the one it knows.
func (s settings) patches() ([]manifest.Patch, error) {
	if s.connection.Namespace == v1.DefaultNamespace {
		return nil, nil
	}

	p, err := manifest.NewPatch(
		compositionTarget(s.api),
		manifest.Operation{Op: "add", Path: "/spec/pipeline/0/input/ephemeralClusterNamespace", Value: s.connection.Namespace},
	)

	return []manifest.Patch{p}, err
}

// clusterFiles returns a cluster's own directory. One that differs from its
// environment stands beside it, and has all of its own.
func clusterFiles(e environments.Environment, c environments.Cluster, same bool, own func(dir string) ([]manifest.File, error)) ([]manifest.File, error) {
	dir := path.Join(Dir, e.Name, c.Name)
	base := "../" + environments.BaseDir

	var shared []manifest.File

	if !same {
		var err error
		if shared, err = own(path.Join(dir, environments.BaseDir)); err != nil {
			return nil, err
		}

		base = environments.BaseDir
	}

	files, err := directory(dir, []string{base}, map[string][]any{"environment-config.yaml": {environmentConfig(c.Name)}})

	return append(files, shared...), err
}

func compositionTarget(m environments.Mode) manifest.Target {
	return manifest.Target{Group: xv1.Group, Kind: xv1.CompositionKind, Name: CompositionName(m)}
}

// CompositionName is the name of an API mode's Composition.
func CompositionName(m environments.Mode) string {
	if m == environments.V2 {
		return v1alpha1.CompositionName + "-v2"
	}

	return v1alpha1.CompositionName
}
