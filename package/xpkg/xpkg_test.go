package xpkg

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

const root = "../.."

func parse(t *testing.T, content []byte, into any) {
	t.Helper()

	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatal(err)
	}
}

func parseFile(t *testing.T, file string, into any) {
	t.Helper()

	content, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}

	if err := yaml.Unmarshal(content, into); err != nil {
		t.Fatal(err)
	}
}

// environments are the parts of gen/environments.yaml that packages must agree with.
type environments struct {
	Packages struct {
		Function string `json:"function"`
		Provider string `json:"provider"`
	} `json:"packages"`
}

func TestFunction(t *testing.T) {
	p, err := Function(root, "v1.2.3", nil)
	if err != nil {
		t.Fatal(err)
	}

	want := pkgmetav1.FunctionSpec{
		MetaSpec: pkgmetav1.MetaSpec{
			Crossplane:   &pkgmetav1.CrossplaneConstraints{Version: ">=v2.0.0"},
			Capabilities: []string{"composition"},
		},
	}

	meta, ok := p.Meta.(*pkgmetav1.Function)
	if !ok {
		t.Fatalf("Function(...): want a Function, got %T", p.Meta)
	}

	if diff := cmp.Diff(want, meta.Spec); diff != "" {
		t.Errorf("Function(...): -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff([]string{v1alpha1.FunctionName, "v1.2.3"}, []string{meta.Name, meta.Labels[labelVersion]}); diff != "" {
		t.Errorf("Function(...): -want, +got name and version:\n%s", diff)
	}

	if diff := cmp.Diff([]string{"testplatform.fn.crossplane.io_configs.yaml"}, slices.Sorted(maps.Keys(p.Manifests))); diff != "" {
		t.Errorf("Function(...): the schema of its input is in the package: -want, +got:\n%s", diff)
	}
}

func TestConfiguration(t *testing.T) {
	env := environments{}
	parseFile(t, "gen/environments.yaml", &env)

	const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

	cases := map[string]struct {
		reason     string
		api        API
		repository string

		// called is what the Composition calls the function.
		called string
	}{
		"Claims": {
			reason:     "It depends on the function and the provider that clusters are deployed with.",
			api:        Claims,
			repository: env.Packages.Function,
			called:     "ephemeral-clusters-function-testplatform-cluster",
		},
		"V2": {
			reason:     "It depends on the function and the provider that clusters are deployed with.",
			api:        V2,
			repository: env.Packages.Function,
			called:     "ephemeral-clusters-function-testplatform-cluster",
		},
		"Elsewhere": {
			reason:     "It depends on the function that is published beside it, under the name that Crossplane gives that.",
			api:        V2,
			repository: "registry.example/my-org/" + v1alpha1.FunctionName,
			called:     "my-org-function-testplatform-cluster",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := Configuration(root, "v1.2.3", tc.api, digestOf(t, tc.repository+"@"+digest), nil)
			if err != nil {
				t.Fatal(err)
			}

			meta, ok := p.Meta.(*pkgmetav1.Configuration)
			if !ok {
				t.Fatalf("%s\nConfiguration(...): want a Configuration, got %T", tc.reason, p.Meta)
			}

			apiVersion, function, provider := "pkg.crossplane.io/v1", "Function", "Provider"
			want := pkgmetav1.ConfigurationSpec{MetaSpec: pkgmetav1.MetaSpec{
				Crossplane: &pkgmetav1.CrossplaneConstraints{Version: ">=v2.2.0"},
				DependsOn: []pkgmetav1.Dependency{
					{APIVersion: &apiVersion, Kind: &function, Package: &tc.repository, Version: digest},
					{APIVersion: &apiVersion, Kind: &provider, Package: &env.Packages.Provider, Version: ">=v1.3.1, <v1.4.0"},
				},
			}}

			if diff := cmp.Diff(want, meta.Spec); diff != "" {
				t.Errorf("%s\nConfiguration(...): -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff([]string{ConfigurationName(tc.api), "v1.2.3"}, []string{meta.Name, meta.Labels[labelVersion]}); diff != "" {
				t.Errorf("%s\nConfiguration(...): -want, +got name and version:\n%s", tc.reason, diff)
			}

			wantComposition, gotComposition := &xv1.Composition{}, &xv1.Composition{}
			parseFile(t, "composition/"+string(tc.api)+".yaml", wantComposition)
			parse(t, p.Manifests["composition.yaml"], gotComposition)

			wantComposition.Spec.Pipeline[0].FunctionRef.Name = tc.called

			if diff := cmp.Diff(wantComposition, gotComposition); diff != "" {
				t.Errorf("%s\nConfiguration(...): its Composition calls the function that is installed with it: -want, +got:\n%s", tc.reason, diff)
			}

			xrd, err := os.ReadFile(filepath.Join(root, "xrd", string(tc.api)+".yaml"))
			if diff := cmp.Diff(string(xrd), string(p.Manifests["definition.yaml"])); diff != "" || err != nil {
				t.Errorf("%s\nConfiguration(...): got error %v; -want, +got XRD:\n%s", tc.reason, err, diff)
			}
		})
	}
}

func digestOf(t *testing.T, of string) name.Digest {
	t.Helper()

	d, err := name.NewDigest(of, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}

	return d
}

// A cluster that is set up by the generated manifests and one that is set up by a
// Configuration activate the same kinds.
func TestActivation(t *testing.T) {
	type policy struct {
		Kind     string            `json:"kind"`
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			Activate []string `json:"activate"`
		} `json:"spec"`
	}

	ours := policy{}
	parseFile(t, "package/activation.yaml", &ours)

	content, err := os.ReadFile(filepath.Join(root, "deploy", "konflux", "base", "common", "runtime.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	found := false

	for doc := range strings.SplitSeq(string(content), "\n---\n") {
		deployed := policy{}
		if err := yaml.Unmarshal([]byte(doc), &deployed); err != nil {
			t.Fatal(err)
		}

		if deployed.Kind != ours.Kind {
			continue
		}

		found = true
		deployed.Metadata.Annotations = nil

		if diff := cmp.Diff(deployed, ours); diff != "" {
			t.Errorf("package/activation.yaml: -want as deployed, +got:\n%s", diff)
		}
	}

	if !found {
		t.Error("no policy is deployed")
	}
}

func TestDependencyName(t *testing.T) {
	cases := map[string]struct {
		reason string
		pkg    string
		want   string
		fails  bool
	}{
		"Ours": {
			reason: "A registry is no part of the name.",
			pkg:    "quay.io/ephemeral-clusters/function-testplatform-cluster",
			want:   "ephemeral-clusters-function-testplatform-cluster",
		},
		"Dots": {
			reason: "A label has no dots.",
			pkg:    "quay.io/a.b/c",
			want:   "a-b-c",
		},
		"NoRegistry": {
			reason: "Crossplane takes full names only.",
			pkg:    "function",
			fails:  true,
		},
		"Long": {
			reason: "Crossplane would cut the name.",
			pkg:    "quay.io/a/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := DependencyName(tc.pkg)
			if tc.fails {
				if err == nil {
					t.Errorf("%s\nDependencyName(%q): want an error, got %q", tc.reason, tc.pkg, got)
				}

				return
			}

			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s\nDependencyName(%q): got error %v; -want, +got:\n%s", tc.reason, tc.pkg, err, diff)
			}
		})
	}
}

func TestDirectory(t *testing.T) {
	const meta = "apiVersion: meta.pkg.crossplane.io/v1\nkind: Provider\nmetadata:\n  name: a\n"

	cases := map[string]struct {
		reason string
		dir    fstest.MapFS
		want   map[string][]byte
		fails  bool
	}{
		"Whole": {
			reason: "All YAML files but the description are manifests.",
			dir:    fstest.MapFS{"crossplane.yaml": {Data: []byte(meta)}, "crds/a.yaml": {Data: []byte("A")}, "README.md": {Data: []byte("-")}},
			want:   map[string][]byte{"crds/a.yaml": []byte("A")},
		},
		"Unknown": {
			reason: "A misspelt field would be lost.",
			dir:    fstest.MapFS{"crossplane.yaml": {Data: []byte(meta + "specs: {}\n")}},
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := Directory(tc.dir, &pkgmetav1.Provider{}, nil)
			if diff := cmp.Diff(tc.want, p.Manifests); diff != "" || (err != nil) != tc.fails {
				t.Errorf("%s\nDirectory(...): want error %t, got %v; -want, +got:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	if _, err := Function(t.TempDir(), "v1.2.3", nil); err == nil {
		t.Error("Function(...): want an error for a checkout that has no package")
	}

	if _, err := Configuration(t.TempDir(), "v1.2.3", V2, name.Digest{}, nil); err == nil {
		t.Error("Configuration(...): want an error for a checkout that has no package")
	}
}
