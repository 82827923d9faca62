package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config"
)

// newConfigCheckout returns a checkout with the definitions and environments of
// gen/config's tests, and what is generated from them.
func newConfigCheckout(t *testing.T) string {
	t.Helper()

	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("config/testdata/checkout")); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"go.mod", "test/tools/stack/go.mod"} {
		writeTest(t, filepath.Join(root, name), "module m\n\nrequire github.com/crossplane-contrib/provider-kubernetes v1.3.1\n")
	}

	digest, err := config.CheckoutDigest(config.Paths{Root: root})
	if err != nil {
		t.Fatal(err)
	}

	b, err := os.ReadFile("config/testdata/environments.yaml")
	if err != nil {
		t.Fatal(err)
	}

	writeTest(t, root+"/gen/environments.yaml", strings.ReplaceAll(string(b), "api: API", "api: "+digest))

	if _, err := runGen(t, "config", "--root="+root); err != nil {
		t.Fatalf("gen config: %v", err)
	}

	return root
}

func writeTest(t *testing.T, path, content string) {
	t.Helper()

	if err := os.MkdirAll(filepath.Dir(path), modeDir); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readTest(t *testing.T, path string) string {
	t.Helper()

	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}

// runGen runs a command, and returns what it prints.
func runGen(t *testing.T, args ...string) (string, error) {
	t.Helper()

	out := &bytes.Buffer{}

	parser, err := kong.New(&cli{}, kong.Writers(out, out))
	if err != nil {
		t.Fatal(err)
	}

	k, err := parser.Parse(args)
	if err != nil {
		return out.String(), err
	}

	err = k.Run()

	return out.String(), err
}

func message(err error) string {
	if err == nil {
		return ""
	}

	return err.Error()
}

func TestConfigCheck(t *testing.T) {
	root := newConfigCheckout(t)

	if out, err := runGen(t, "config", "--check", "--root="+root); out != "" || err != nil {
		t.Errorf("What was just generated is not stale, got %q, %v", out, err)
	}

	path := root + "/deploy/build-farm/reconciler.yaml"
	edited := strings.Replace(readTest(t, path), "- watch", "- delete", 1)
	writeTest(t, path, edited)

	out, err := runGen(t, "config", "--check", "--root="+root)
	if diff := cmp.Diff("deploy/build-farm/reconciler.yaml: line 19 is \"  - delete\", should be \"  - watch\"\n", out); diff != "" {
		t.Errorf("A file that was edited is named: -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff(`generated files are stale or were edited; renew them with "go run ./gen config"`, message(err)); diff != "" {
		t.Errorf("That is an error: -want, +got:\n%s", diff)
	}

	if diff := cmp.Diff(edited, readTest(t, path)); diff != "" {
		t.Errorf("To check writes nothing: -want, +got:\n%s", diff)
	}
}

func TestPromote(t *testing.T) {
	const (
		threes = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
		narrow = "tearDownCluster: {type: boolean}"
		wide   = narrow + "\n              new: {type: string}"
	)

	cases := map[string]struct {
		reason string
		args   []string

		// changes are files that have one field more.
		changes []string

		// want is what is printed, but for digests of definitions.
		want string
		err  string

		// deployed is what then is in the file with production's packages.
		deployed string
	}{
		"Environment": {
			reason:   "Versions are moved, and manifests follow.",
			args:     []string{"staging", "production"},
			deployed: "package: registry.example/function@sha256:2222222222222222222222222222222222222222222222222222222222222222",
			want: `environments.production.versions.function.version: v0.1.0 -> v0.2.0
environments.production.versions.function.digest: sha256:1111111111111111111111111111111111111111111111111111111111111111 -> sha256:2222222222222222222222222222222222222222222222222222222222222222
environments.production.versions.provider.version: v1.3.0 -> v1.3.1
environments.production.versions.provider.digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb -> sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
`,
		},
		"Same": {
			reason: "What is there already is said to be.",
			args:   []string{"production", "production"},
			want:   "production has what production has already\n",
		},
		"Release": {
			reason:   "A release goes to an environment.",
			args:     []string{"checkout", "production", "--release=v0.3.0", "--digest=" + threes, "--api=CHECKOUT", "--skip-stages"},
			deployed: "package: registry.example/function@" + threes,
			want: `environments.production.versions.function.version: v0.1.0 -> v0.3.0
environments.production.versions.function.digest: sha256:1111111111111111111111111111111111111111111111111111111111111111 -> ` + threes + "\n",
		},
		"SkippedStage": {
			reason: "Not to one that it is not tried in first, unless that is meant.",
			args:   []string{"checkout", "production", "--release=v0.3.0", "--digest=" + threes, "--api=CHECKOUT"},
			err:    "production gets its versions from staging: promote from there, or say --skip-stages",
		},
		"Only": {
			reason:   "A part goes by itself.",
			args:     []string{"staging", "production", "--only=function"},
			deployed: "package: registry.example/function@sha256:2222222222222222222222222222222222222222222222222222222222222222",
			want: `environments.production.versions.function.version: v0.1.0 -> v0.2.0
environments.production.versions.function.digest: sha256:1111111111111111111111111111111111111111111111111111111111111111 -> sha256:2222222222222222222222222222222222222222222222222222222222222222
`,
		},
		"OnlyOfRelease": {
			reason: "A release has one part for each place.",
			args:   []string{"checkout", "staging", "--release=v0.3.0", "--digest=" + threes, "--api=CHECKOUT", "--only=provider"},
			err:    "--only is for promoting between environments: a release has a function and no provider",
		},
		"ReleaseBeforeCRD": {
			reason:  "What app.ci would lose goes nowhere before it.",
			args:    []string{"checkout", "staging", "--release=v0.3.0", "--digest=" + threes, "--api=CHECKOUT"},
			changes: []string{"api/crd/ci.openshift.io_ephemeralclusters.yaml", "xrd/claims.yaml"},
			err: `gen/environments.yaml: these go together:
environments[staging].versions.api: its XRD takes what the CRD of appCI.versions.api does not: v1alpha1 spec.new: removed: a CRD is widened before XRDs, and narrowed after them`,
		},
		"OtherCheckout": {
			reason: "What was released is not what is checked out.",
			args:   []string{"checkout", "staging", "--release=v0.3.0", "--digest=" + threes, "--api=" + threes},
			err:    "the definitions of this checkout are CHECKOUT, but v0.3.0 was released with " + threes + ": check out v0.3.0",
		},
		"NoRelease": {
			reason: "A checkout does not know what it was released as.",
			args:   []string{"checkout", "staging"},
			err:    "--release, --digest and --api say what the checkout was released as: DIGESTS of the release has them",
		},
		"BadDigest": {
			reason: "A release is a digest.",
			args:   []string{"checkout", "staging", "--release=v0.3.0", "--digest=latest", "--api=CHECKOUT"},
			err:    `the outcome would not be valid: environments[staging].versions.function.digest: 'latest' does not match pattern '^sha256:[0-9a-f]{64}$'`,
		},
		"DigestOfEnvironment": {
			reason: "An environment does.",
			args:   []string{"staging", "production", "--digest=" + threes},
			err:    "--release, --digest and --api are for promoting from checkout: an environment knows what it runs",
		},
		"EnvironmentToAppCI": {
			reason: "Environments do not run what app.ci does.",
			args:   []string{"staging", "app.ci"},
			err:    "only what was released from a checkout goes to app.ci",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := newConfigCheckout(t)

			for _, f := range tc.changes {
				path := filepath.Join(root, f)
				writeTest(t, path, strings.Replace(readTest(t, path), narrow, wide, 1))
			}

			digest, err := config.CheckoutDigest(config.Paths{Root: root})
			if err != nil {
				t.Fatal(err)
			}

			for i, a := range tc.args {
				tc.args[i] = strings.ReplaceAll(a, "CHECKOUT", digest)
			}

			tc.err = strings.ReplaceAll(tc.err, "CHECKOUT", digest)

			environments := root + "/gen/environments.yaml"
			before := readTest(t, environments)

			out, err := runGen(t, append([]string{"promote", "--root=" + root}, tc.args...)...)

			if diff := cmp.Diff(tc.err, strings.TrimPrefix(message(err), "promote: ")); diff != "" {
				t.Fatalf("\n%s\ngen promote: -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want, out); diff != "" {
				t.Errorf("\n%s\ngen promote: -want, +got:\n%s", tc.reason, diff)
			}

			if err != nil && readTest(t, environments) != before {
				t.Errorf("\n%s\nwhat fails changes nothing", tc.reason)
			}

			if got := readTest(t, root+"/deploy/konflux/production/base/packages.yaml"); !strings.Contains(got, tc.deployed) {
				t.Errorf("\n%s\nwant %q deployed, got:\n%s", tc.reason, tc.deployed, got)
			}
		})
	}
}
