package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// version returns one more version of a definition, v2, in which to tear down takes a value
// of a type.
func version(more, typ string) string {
	return `  - name: v2
    served: true
    ` + more + `
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              tearDownCluster: {type: ` + typ + `}
`
}

func TestTogether(t *testing.T) {
	more := func(files ...string) func(*testing.T, Paths) {
		return func(t *testing.T, p Paths) {
			t.Helper()

			for _, f := range files {
				replace(t, p, f, "tearDownCluster: {type: boolean}", "tearDownCluster: {type: boolean}\n              new: {type: string}")
			}
		}
	}
	change := func(file, from, to string) func(*testing.T, Paths) {
		return func(t *testing.T, p Paths) {
			t.Helper()
			replace(t, p, file, from, to)
		}
	}

	cases := map[string]struct {
		reason string
		change func(*testing.T, Paths)
		err    string
	}{
		"ModulesDiffer": {
			reason: "What the code is written for is what the tests run.",
			change: change("go.mod", "v1.3.1", "v1.3.0"),
			err:    "test/tools/stack/go.mod requires provider-kubernetes v1.3.1, but go.mod requires v1.3.0: bump both",
		},
		"NotTested": {
			reason: "The first environment runs what is tested.",
			change: func(t *testing.T, p Paths) {
				t.Helper()
				replace(t, p, "go.mod", "v1.3.1", "v1.4.0")
				replace(t, p, "test/tools/stack/go.mod", "v1.3.1", "v1.4.0")
			},
			err: "environments[staging].versions.provider is v1.3.1, but test/tools/stack/go.mod requires v1.4.0, which is what is tested: bump both",
		},
		"Skipped": {
			reason: "No environment is ahead of the one before it.",
			change: change("environments.yaml", "'v1.3.0'", "v1.4.0"),
			err:    "environments[production].versions.provider is v1.4.0, but environments[staging], which comes before, has v1.3.1: promote to that first",
		},
		"ConfigurationAhead": {
			reason: "A Configuration does not ask for more than what is tested.",
			change: change("package/claims/crossplane.yaml", ">=v1.3.0, <v2.0.0", ">=v1.3.2, <v2.0.0"),
			err:    "package/claims/crossplane.yaml depends on provider-kubernetes >=v1.3.2, <v2.0.0, but test/tools/stack/go.mod requires v1.3.1, which is what is tested: \"1.3.1\" is less than \"v1.3.2\": bump both",
		},
		"ConfigurationBehind": {
			reason: "Nor does it refuse that.",
			change: change("package/v2/crossplane.yaml", ">=v1.3.0, <v2.0.0", ">=v1.2.0, <v1.3.0"),
			err:    "package/v2/crossplane.yaml depends on provider-kubernetes >=v1.2.0, <v1.3.0, but test/tools/stack/go.mod requires v1.3.1, which is what is tested: \"1.3.1\" is greater than or equal to \"v1.3.0\": bump both",
		},
		"OtherProviderRepository": {
			reason: "Crossplane names what a Configuration brings, and decides how it runs, by where it is published.",
			change: change("package/v2/crossplane.yaml", "registry.example/provider", "registry.example/mirror/provider"),
			err:    "package/v2/crossplane.yaml depends on registry.example/mirror/provider, but packages.provider is registry.example/provider: change both",
		},
		"OtherFunctionRepository": {
			reason: "The same goes for the function.",
			change: change("environments.yaml", "function: registry.example/function", "function: registry.example/my-org/function"),
			err: "package/claims/crossplane.yaml depends on registry.example/function, but packages.function is registry.example/my-org/function: change both\n" +
				"package/v2/crossplane.yaml depends on registry.example/function, but packages.function is registry.example/my-org/function: change both",
		},
		"XRDWithoutCRD": {
			reason: "What tenants may ask for must not be lost on app.ci.",
			change: more("xrd/claims.yaml"),
			err:    "environments[staging].versions.api: its XRD takes what the CRD of appCI.versions.api does not: v1alpha1 spec.new: removed: a CRD is widened before XRDs, and narrowed after them",
		},
		"XRDWithoutCRDInAnotherVersion": {
			reason: "In whichever version they ask.",
			change: func(t *testing.T, p Paths) {
				t.Helper()
				replace(t, p, "api/crd/ci.openshift.io_ephemeralclusters.yaml", "  versions:\n", "  versions:\n"+version("storage: false", "boolean"))
				replace(t, p, "xrd/claims.yaml", "  versions:\n", "  versions:\n"+version("referenceable: false", "string"))
			},
			err: `environments[staging].versions.api: its XRD takes what the CRD of appCI.versions.api does not: v2 spec.tearDownCluster: retyped from "string" to "boolean": a CRD is widened before XRDs, and narrowed after them`,
		},
		"VersionWithoutCRD": {
			reason: "And in none that there is not.",
			change: change("xrd/claims.yaml", "  versions:\n", "  versions:\n"+version("referenceable: false", "boolean")),
			err:    "environments[staging].versions.api: its XRD serves version v2, which the CRD of appCI.versions.api does not: a CRD is widened before XRDs, and narrowed after them",
		},
		"OtherVersion": {
			reason: "A Composition for another version than composites are stored in is for none of them.",
			change: func(t *testing.T, p Paths) {
				t.Helper()
				replace(t, p, "api/crd/ci.openshift.io_ephemeralclusters.yaml", "  versions:\n", "  versions:\n"+version("storage: true", "boolean"))
				replace(t, p, "xrd/claims.yaml", "referenceable: true", "referenceable: false")
				replace(t, p, "xrd/claims.yaml", "  versions:\n", "  versions:\n"+version("referenceable: true", "boolean"))
			},
			err: `environments[staging].versions.api: the version that the Composition is for is "ci.openshift.org/v1alpha1", but "ci.openshift.org/v2" is what is generated: change both`,
		},
		"OtherFunction": {
			reason: "The Composition calls the function that is installed.",
			change: change("composition/v2.yaml", "function-testplatform-cluster", "function-other"),
			err:    `environments[production].clusters[prd-2].versions.api: the function that the Composition calls is "function-other", but "function-testplatform-cluster" is what is generated: change both`,
		},
		"OtherEnvironmentConfig": {
			reason: "It asks for the EnvironmentConfig that there is.",
			change: change("composition/claims.yaml", "name: envcfg", "name: env"),
			err:    `environments[staging].versions.api: the EnvironmentConfig that the Composition asks for is "env", but "envcfg" is what is generated: change both`,
		},
		"OtherConnectionNamespace": {
			reason: "It writes connection Secrets where there is a namespace.",
			change: change("composition/claims.yaml", "crossplane-connections", "connections"),
			err:    `environments[staging].versions.api: the namespace of connection Secrets is "connections", but "crossplane-connections" is what is generated: change both`,
		},
		"OtherComposition": {
			reason: "The XRD asks for the Composition that there is.",
			change: change("xrd/claims.yaml", "enforcedCompositionRef: {name: testplatform-ephemeral-cluster}", "enforcedCompositionRef: {name: other}"),
			err:    `environments[staging].versions.api: the Composition that the XRD asks for is "other", but "testplatform-ephemeral-cluster" is what is generated: change both`,
		},
		"MoreThanOneStep": {
			reason: "The namespace is set in the one step that there is.",
			change: change("xrd/claims.yaml", "  enforcedCompositionRef: {name: testplatform-ephemeral-cluster}\n", ""),
			err:    "environments[staging].versions.api: the Composition has not one step, or the XRD does not name it",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newCheckout(t, fixture)

			was, err := CheckoutDigest(p)
			if err != nil {
				t.Fatal(err)
			}

			tc.change(t, p)
			// Every environment is on the changed definitions.
			is, err := CheckoutDigest(p)
			if err != nil {
				t.Fatal(err)
			}

			b, err := os.ReadFile(filepath.Join(p.Root, p.File))
			if err != nil {
				t.Fatal(err)
			}

			put(t, p, p.File, strings.ReplaceAll(string(b), was, is))

			got := ""
			if _, err := Generate(p); err != nil {
				got = err.Error()
			}

			if diff := cmp.Diff("environments.yaml: these go together:\n"+tc.err, got); diff != "" {
				t.Errorf("\n%s\nGenerate(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

// A Configuration that nothing can be compared with is not taken for one that agrees.
func TestTogetherCannotTell(t *testing.T) {
	const file = "package/claims/crossplane.yaml"

	cases := map[string]struct {
		reason string
		from   string
		to     string
		err    string
	}{
		"NoConstraint": {
			reason: "What Crossplane cannot read is no constraint.",
			from:   ">=v1.3.0, <v2.0.0",
			to:     "one",
			err:    file + `: version "one" of provider-kubernetes: improper constraint: "one"`,
		},
		"NoDependency": {
			reason: "Without provider-kubernetes nothing works.",
			from:   "kind: Provider",
			to:     "kind: Configuration",
			err:    file + " depends on no Provider",
		},
		"Unknown": {
			reason: "A misspelt field would be lost.",
			from:   "dependsOn:",
			to:     "dependOn:",
			err:    "cannot read a Configuration: " + file + `: error unmarshaling JSON: while decoding JSON: json: unknown field "dependOn"`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := newCheckout(t, fixture)
			replace(t, p, file, tc.from, tc.to)

			got := ""
			if _, err := Generate(p); err != nil {
				got = err.Error()
			}

			if diff := cmp.Diff(tc.err, got); diff != "" {
				t.Errorf("\n%s\nGenerate(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}
