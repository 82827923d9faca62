//go:build e2e

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

// The packages of a stack have in them what a cluster is to install.
func TestPackages(t *testing.T) {
	c, cli := find(t)
	b := Builder{Root: c.Root, Components: c, Dir: filepath.Join(t.TempDir(), "packages"), Registry: startRegistry(t), Version: version}

	built := filepath.Join(t.TempDir(), "fn")
	if err := os.WriteFile(built, []byte("program"), 0o600); err != nil {
		t.Fatal(err)
	}

	function, err := b.Function(t.Context(), built)
	if err != nil {
		t.Fatal(err)
	}

	provider, err := b.Provider(t.Context(), component(t, c, components.ProviderKubernetes))
	if err != nil {
		t.Fatal(err)
	}

	claims, err := b.Configuration(t.Context(), xpkg.Claims, function)
	if err != nil {
		t.Fatal(err)
	}

	v2, err := b.Configuration(t.Context(), xpkg.V2, function)
	if err != nil {
		t.Fatal(err)
	}

	crds, err := filepath.Glob(filepath.Join(moduleDir(t, c), "package", "crds", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	configuration := []string{
		"Composition/testplatform-ephemeral-cluster", "CompositeResourceDefinition/xtestplatformclusters.ci.openshift.org",
		"ManagedResourceActivationPolicy/testplatform",
	}
	configurationV2 := []string{
		"Composition/testplatform-ephemeral-cluster-v2", "CompositeResourceDefinition/testplatformclusters.ci.openshift.org",
		"ManagedResourceActivationPolicy/testplatform",
	}

	cases := map[string]struct {
		reason  string
		ref     interface{ String() string }
		meta    string
		objects []string
		number  int
	}{
		"Function": {
			reason:  "The function's package has the schema of its input.",
			ref:     function,
			meta:    "Function/function-testplatform-cluster",
			objects: []string{"CustomResourceDefinition/configs.testplatform.fn.crossplane.io"},
			number:  1,
		},
		"Provider": {
			reason:  "provider-kubernetes' package has all CRDs of its module.",
			ref:     provider,
			meta:    "Provider/provider-kubernetes",
			objects: []string{"CustomResourceDefinition/objects.kubernetes.crossplane.io", "CustomResourceDefinition/objects.kubernetes.m.crossplane.io"},
			number:  len(crds),
		},
		"Claims": {
			reason:  "A Configuration has an API and what it is made of.",
			ref:     claims,
			meta:    "Configuration/configuration-testplatform-cluster-claims",
			objects: configuration,
			number:  len(configuration),
		},
		"V2": {
			reason:  "A Configuration has an API and what it is made of.",
			ref:     v2,
			meta:    "Configuration/configuration-testplatform-cluster-v2",
			objects: configurationV2,
			number:  len(configurationV2),
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects := extract(t, cli, tc.ref.String())

			var got []string
			for _, o := range objects {
				got = append(got, o.Kind+"/"+o.Metadata.Name)
			}

			if diff := cmp.Diff(tc.meta, got[0]); diff != "" {
				t.Errorf("%s\n-want, +got description:\n%s", tc.reason, diff)
			}

			for _, want := range tc.objects {
				if !slices.Contains(got, want) {
					t.Errorf("%s\nwant %s, got %v", tc.reason, want, got)
				}
			}

			if diff := cmp.Diff(tc.number, len(got)-1); diff != "" {
				t.Errorf("%s\n-want, +got number of objects:\n%s", tc.reason, diff)
			}

			for _, d := range objects[0].Spec.DependsOn {
				if strings.HasSuffix(d.Package, v1alpha1.FunctionName) && d.Version != function.DigestStr() {
					t.Errorf("%s\nwant a dependency on %s, got %s", tc.reason, function, d.Version)
				}
			}
		})
	}

	img, err := remote.Image(provider)
	if err != nil {
		t.Fatal(err)
	}

	if err := validate.Image(img); err != nil {
		t.Errorf("Provider(...): what is pulled is not whole: %v", err)
	}

	// It prints its help on standard error.
	out, err := exec.CommandContext(t.Context(), entrypoint(t, img), "--help").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "sanitize-secrets") {
		t.Errorf("Provider(...): want the provider's program in its package, got error %v and\n%s", err, out)
	}
}

func moduleDir(t *testing.T, c *components.Builder) string {
	t.Helper()

	dir, err := c.ModuleDir(t.Context(), components.ProviderKubernetesModule)
	if err != nil {
		t.Fatal(err)
	}

	return dir
}
