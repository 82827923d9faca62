package konflux

import (
	"path"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	xv1alpha1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1alpha1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	protectionv1beta1 "github.com/crossplane/crossplane/apis/v2/protection/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
)

// ConfigurationDir is the directory of an API mode's component for clusters that have their
// packages and definitions from our Configuration.
func ConfigurationDir(m environments.Mode) string { return path.Join(Dir, "configuration", string(m)) }

// configurationFiles returns the components that make of a cluster's tree what it needs
// beside a Configuration. Crossplane names what a Configuration depends on in its own way,
// and decides how that runs by the image it comes from.
func configurationFiles(p environments.Packages) ([]manifest.File, error) {
	var files []manifest.File

	for _, mode := range []environments.Mode{environments.Claims, environments.V2} {
		patches, err := configurationPatches(p, mode)
		if err != nil {
			return nil, err
		}

		more, err := component(ConfigurationDir(mode), map[string][]any{
			"runtime.yaml": {imageRuntime(v1alpha1.FunctionName, p.Function, v1alpha1.FunctionName), imageRuntime(ProviderName, p.Provider, ProviderRuntime)},
			"usages.yaml":  {usage(usageConfiguration+string(mode), pkgv1.SchemeGroupVersion.String(), pkgv1.ConfigurationKind, xpkg.ConfigurationName(xpkg.API(mode)))},
		}, patches...)
		if err != nil {
			return nil, err
		}

		files = append(files, more...)
	}

	return files, nil
}

// configurationPatches leave out of a tree what a Configuration brings, and make what
// guards packages guard those.
func configurationPatches(p environments.Packages, m environments.Mode) ([]manifest.Patch, error) {
	var patches []manifest.Patch

	for _, guarded := range []struct{ usage, repository string }{{usageFunction, p.Function}, {usageProvider, p.Provider}} {
		name, err := xpkg.DependencyName(guarded.repository)
		if err != nil {
			return nil, err
		}

		patch, err := manifest.NewPatch(
			manifest.Target{Group: protectionv1beta1.Group, Kind: protectionv1beta1.ClusterUsageKind, Name: guarded.usage},
			manifest.Operation{Op: "replace", Path: "/spec/of/resourceRef/name", Value: name},
		)
		if err != nil {
			return nil, err
		}

		patches = append(patches, patch)
	}

	for _, t := range []manifest.Target{
		{Group: pkgv1.Group, Kind: pkgv1.FunctionKind, Name: v1alpha1.FunctionName},
		{Group: pkgv1.Group, Kind: pkgv1.ProviderKind, Name: ProviderName},
		{Group: xv1.Group, Kind: xv1.CompositeResourceDefinitionKind, Name: DefinitionName(m)},
		compositionTarget(m),
		{Group: xv1alpha1.Group, Kind: xv1alpha1.ManagedResourceActivationPolicyKind, Name: activation},
	} {
		patch, err := manifest.NewDeletion(t)
		if err != nil {
			return nil, err
		}

		patches = append(patches, patch)
	}

	return patches, nil
}

// imageRuntime says how a package runs that comes from a repository.
func imageRuntime(name, repository, runtime string) *pkgv1beta1.ImageConfig {
	return &pkgv1beta1.ImageConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: pkgv1beta1.SchemeGroupVersion.String(), Kind: pkgv1beta1.ImageConfigKind},
		ObjectMeta: meta("testplatform-" + name),
		Spec: pkgv1beta1.ImageConfigSpec{
			MatchImages: []pkgv1beta1.ImageMatch{{Type: pkgv1beta1.Prefix, Prefix: repository}},
			Runtime: &pkgv1beta1.ImageRuntime{ConfigReference: &pkgv1beta1.RuntimeConfigReference{
				APIVersion: new(pkgv1beta1.SchemeGroupVersion.String()),
				Kind:       new(pkgv1beta1.DeploymentRuntimeConfigKind),
				Name:       runtime,
			}},
		},
	}
}
