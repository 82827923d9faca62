package served

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

func object(t *testing.T, s string) map[string]any {
	t.Helper()

	j, err := yaml.YAMLToJSON([]byte(s))
	if err != nil {
		t.Fatal(err)
	}

	o := map[string]any{}
	if err := json.Unmarshal(j, &o); err != nil {
		t.Fatal(err)
	}

	return o
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		reason string
		spec   string
		want   map[string]string
	}{
		"Valid": {
			reason: "What the schema has is allowed, and metadata is the server's business.",
			spec: `
ciOperator:
  baseImages: {ubi9.2: {name: ubi, namespace: ocp, tag: "9.2"}}
  resources: {"*": {limits: {memory: 400Mi}}}
  releases: {latest: {release: {channel: stable, version: "4.20", relative: 2}}}
  test: {workflow: ipi-aws, clusterProfile: aws, env: {A: ""}}
tearDownCluster: true
writeConnectionSecretToRef: {name: s}`,
		},
		"Unknown": {
			reason: "A misspelt field is named, and so is the one that was meant.",
			spec:   `ciOperator: {test: {worklow: w}}`,
			want:   map[string]string{"spec.ciOperator.test.worklow": `unknown field, did you mean "workflow"?`},
		},
		"UnknownRequired": {
			reason: "A required field that is misspelt is told once.",
			spec:   `ciOperator: {test: {clusterClaim: {cloud: aws, ownr: o, version: "4.20"}}}`,
			want:   map[string]string{"spec.ciOperator.test.clusterClaim.ownr": `unknown field, did you mean "owner"?`},
		},
		"UnknownFar": {
			reason: "Nothing is suggested for what is like nothing.",
			spec:   `ciOperator: {image: x}`,
			want:   map[string]string{"spec.ciOperator.image": "unknown field"},
		},
		"UnknownBelowMap": {
			reason: "A key with dots is found, and is told apart from its fields.",
			spec:   `ciOperator: {baseImages: {ubi9.2: {nam: ubi, name: ubi, namespace: ocp, tag: t}}}`,
			want:   map[string]string{`spec.ciOperator.baseImages["ubi9.2"].nam`: `unknown field, did you mean "name"?`},
		},
		"UnknownInList": {
			reason: "So is an element of a list.",
			spec:   `ciOperator: {buildRoot: {project_image: {build_args: [{name: A}, {nme: B}]}}}`,
			want:   map[string]string{"spec.ciOperator.buildRoot.project_image.build_args[1].nme": `unknown field, did you mean "name"?`},
		},
		"NumberForString": {
			reason: "YAML's most usual trap is explained.",
			spec:   `ciOperator: {releases: {latest: {release: {channel: stable, version: 4.20}}}}`,
			want:   map[string]string{"spec.ciOperator.releases.latest.release.version": "must be a string, not a number; put it in quotes"},
		},
		"BooleanForString": {
			reason: "As is its second.",
			spec:   `ciOperator: {test: {env: {FIPS: yes}}}`,
			want:   map[string]string{"spec.ciOperator.test.env.FIPS": "must be a string, not a boolean; put it in quotes"},
		},
		"StringForObject": {
			reason: "Other types are told as well.",
			spec:   `ciOperator: {test: {clusterClaim: aws}}`,
			want:   map[string]string{"spec.ciOperator.test.clusterClaim": "must be an object, not a string"},
		},
		"ListForString": {
			reason: "What quotes would not help does not get any.",
			spec:   `ciOperator: {test: {workflow: [a]}}`,
			want:   map[string]string{"spec.ciOperator.test.workflow": "must be a string, not an array"},
		},
		"Null": {
			reason: "A null is a value of no type.",
			spec:   `ciOperator: {test: {workflow: null}}`,
			want:   map[string]string{"spec.ciOperator.test.workflow": "must be a string, not null"},
		},
		"Required": {
			reason: "Each field that is missing is named.",
			spec:   `ciOperator: {test: {clusterClaim: {cloud: aws}}}`,
			want: map[string]string{
				"spec.ciOperator.test.clusterClaim.owner":   "is required",
				"spec.ciOperator.test.clusterClaim.version": "is required",
			},
		},
		"Several": {
			reason: "All that is wrong is told at once.",
			spec:   `{ciOperator: {test: {workflow: 1, clusterProfil: aws}}, tearDown: true}`,
			want: map[string]string{
				"spec.ciOperator.test.clusterProfil": `unknown field, did you mean "clusterProfile"?`,
				"spec.ciOperator.test.workflow":      "must be a string, not an integer; put it in quotes",
				"spec.tearDown":                      "unknown field",
			},
		},
	}

	for _, api := range xrdtest.APIs() {
		s := New(xrdtest.Schema(t, api))

		for name, tc := range cases {
			t.Run(string(api)+"/"+name, func(t *testing.T) {
				o := map[string]any{
					"apiVersion": "ci.openshift.org/v1alpha1",
					"kind":       "TestPlatformCluster",
					"metadata":   map[string]any{"name": "some", "annotations": map[string]any{"a.b/c": "d"}},
					"spec":       object(t, tc.spec),
				}

				var got map[string]string
				for _, v := range s.Check(o) {
					if got == nil {
						got = map[string]string{}
					}

					got[v.Path.String()] = v.Problem
				}

				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s\nCheck(...): -want, +got:\n%s", tc.reason, diff)
				}
			})
		}
	}
}

// The XRDs have no enumerations, patterns or open objects. Those to come may.
func TestCheckOtherRules(t *testing.T) {
	s := New(&spec.Schema{SchemaProps: spec.SchemaProps{
		Type: []string{"object"},
		Properties: map[string]spec.Schema{
			"color": *spec.StringProperty().WithEnum("red", "blue"),
			"code":  *spec.StringProperty().WithPattern("^[a-z]+$"),
			"short": *spec.StringProperty().WithMaxLength(3),
			"open": {
				SchemaProps:      spec.SchemaProps{Type: []string{"object"}, Properties: map[string]spec.Schema{"a": *spec.StringProperty()}},
				VendorExtensible: spec.VendorExtensible{Extensions: spec.Extensions{extensionPreserve: true}},
			},
		},
	}})

	got := s.Check(object(t, `{color: SECRET, code: "SECRET", short: SECRET, open: {a: x, b: y}}`))

	want := []Violation{
		{Path: Path{"code"}, Problem: "should match '^[a-z]+$'"},
		{Path: Path{"color"}, Problem: "must be one of red, blue"},
		{Path: Path{"short"}, Problem: "should be at most 3 chars long"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Violation{})); diff != "" {
		t.Errorf("Rules that the schema has are held, by words that do not tell values.\nCheck(...): -want, +got:\n%s", diff)
	}
}

func TestPath(t *testing.T) {
	cases := map[string]struct {
		reason string
		path   Path
		want   string
	}{
		"Keys":   {reason: "Keys are joined with dots.", path: Path{"spec", "test"}, want: "spec.test"},
		"Index":  {reason: "Positions are not.", path: Path{"spec", "list", "[2]", "name"}, want: "spec.list[2].name"},
		"Dotted": {reason: "A key with dots is in brackets.", path: Path{"env", "a.b", "c"}, want: `env["a.b"].c`},
		"Star":   {reason: "Other characters stay.", path: Path{"resources", "*"}, want: "resources.*"},
		"Empty":  {reason: "So does a key that is empty.", path: Path{"env", ""}, want: `env[""]`},
		"None":   {reason: "The root has no name.", path: nil, want: ""},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.path.String()); diff != "" {
				t.Errorf("%s\nString(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	o := object(t, `{a: {b.c: {d: [x, {e: 1}]}, b: {c: 2}}}`)

	cases := map[string]struct {
		reason string
		name   string
		want   Path
	}{
		"Plain":   {reason: "A name without dots in its keys is split at each.", name: "a.b", want: Path{"a", "b"}},
		"Longest": {reason: "The longest key that fits is meant.", name: "a.b.c.d", want: Path{"a", "b.c", "d"}},
		"List":    {reason: "Positions are found.", name: "a.b.c.d[1].e", want: Path{"a", "b.c", "d", "[1]", "e"}},
		"Missing": {reason: "What is not there is one field.", name: "a.x", want: Path{"a", "x"}},
		"Beyond":  {reason: "So is a position that is not there.", name: "a.b.c.d[7]", want: Path{"a", "b.c", "d", "[7]"}},
		"Dot":     {reason: "A leading dot means nothing.", name: ".a", want: Path{"a"}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Locate(o, tc.name)); diff != "" {
				t.Errorf("%s\nLocate(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	names := []string{"as", "name", "namespace", "tag", "clusterClaim", "clusterProfile"}

	cases := map[string]struct {
		reason string
		name   string
		want   string
	}{
		"OneLetter": {reason: "A letter may be missing.", name: "nme", want: "name"},
		"Case":      {reason: "Case does not count.", name: "ClusterProfile", want: "clusterProfile"},
		"Two":       {reason: "Long names may have more wrong.", name: "clusterPorfile", want: "clusterProfile"},
		"Short":     {reason: "Short ones may not.", name: "xy", want: ""},
		"Far":       {reason: "What is like nothing is left alone.", name: "registry", want: ""},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := nearest(tc.name, names); got != tc.want {
				t.Errorf("%s\nnearest(%q): want %q, got %q", tc.reason, tc.name, tc.want, got)
			}
		})
	}
}
