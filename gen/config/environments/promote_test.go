package environments

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	ones  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	twos  = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	fours = "sha256:4444444444444444444444444444444444444444444444444444444444444444"
	other = "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
)

func TestPromote(t *testing.T) {
	release := func(version, to string, o Options) func([]byte) ([]byte, []Move, error) {
		return func(b []byte) ([]byte, []Move, error) {
			return PromoteRelease(b, Published{Release: Release{Version: version, Digest: fours}, API: other}, to, o)
		}
	}
	promote := func(from, to string, o Options) func([]byte) ([]byte, []Move, error) {
		return func(b []byte) ([]byte, []Move, error) { return Promote(b, from, to, o) }
	}

	cases := map[string]struct {
		reason  string
		replace []string
		promote func([]byte) ([]byte, []Move, error)

		// want are the lines that differ, each as it was and as it is.
		want  []string
		moves []string
		err   string
	}{
		"Environment": {
			reason:  "Values are replaced where they stand, in whichever style, beside their comments.",
			promote: promote("staging", "production", Options{}),
			want: []string{
				`    function: {version: v0.1.0, digest: "` + ones + `"}`,
				`    function: {version: v0.2.0, digest: "` + twos + `"}`,
				`      version: 'v1.3.0' # One behind.`,
				`      version: 'v1.3.1' # One behind.`,
				`      digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb`,
				`      digest: sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc`,
			},
			moves: []string{
				"environments.production.versions.function.version: v0.1.0 -> v0.2.0",
				"environments.production.versions.function.digest: " + ones + " -> " + twos,
				"environments.production.versions.provider.version: v1.3.0 -> v1.3.1",
				"environments.production.versions.provider.digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb -> sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
			},
		},
		"OnlyFunction": {
			reason:  "The function goes with its definitions, and leaves the provider.",
			promote: promote("staging", "production", Options{Only: OnlyFunction}),
			want: []string{
				`    function: {version: v0.1.0, digest: "` + ones + `"}`,
				`    function: {version: v0.2.0, digest: "` + twos + `"}`,
			},
			moves: []string{
				"environments.production.versions.function.version: v0.1.0 -> v0.2.0",
				"environments.production.versions.function.digest: " + ones + " -> " + twos,
			},
		},
		"OnlyProvider": {
			reason:  "The provider goes by itself, whatever else is new there.",
			replace: []string{"version: v0.1.0", "version: v0.4.0"},
			promote: promote("staging", "production", Options{Only: OnlyProvider}),
			want: []string{
				`      version: 'v1.3.0' # One behind.`,
				`      version: 'v1.3.1' # One behind.`,
				`      digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb`,
				`      digest: sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc`,
			},
			moves: []string{
				"environments.production.versions.provider.version: v1.3.0 -> v1.3.1",
				"environments.production.versions.provider.digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb -> sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
			},
		},
		"Downgrade": {
			reason:  "What is newer elsewhere is not taken back in passing.",
			replace: []string{"version: v0.1.0", "version: v0.4.0", "'v1.3.0'", "'v1.4.0'"},
			promote: promote("staging", "production", Options{}),
			err:     "[function of production would go back from v0.4.0 to v0.2.0: leave it out, or say --downgrade, provider of production would go back from v1.4.0 to v1.3.1: leave it out, or say --downgrade]",
		},
		"DowngradeAnyway": {
			reason:  "But it is where that is meant.",
			replace: []string{"version: v0.1.0", "version: v0.4.0"},
			promote: promote("staging", "production", Options{Only: OnlyFunction, Downgrade: true}),
			want: []string{
				`    function: {version: v0.4.0, digest: "` + ones + `"}`,
				`    function: {version: v0.2.0, digest: "` + twos + `"}`,
			},
			moves: []string{
				"environments.production.versions.function.version: v0.4.0 -> v0.2.0",
				"environments.production.versions.function.digest: " + ones + " -> " + twos,
			},
		},
		"DowngradeAppCI": {
			reason:  "Neither is app.ci.",
			promote: release("v0.1.9", AppCIName, Options{}),
			err:     "reconciler of app.ci would go back from v0.2.0 to v0.1.9: leave it out, or say --downgrade",
		},
		"Skip": {
			reason:  "What is new goes to the first environment.",
			promote: release("v0.3.0", "production", Options{}),
			err:     "production gets its versions from staging: promote from there, or say --skip-stages",
		},
		"Back": {
			reason:  "Nothing goes the other way.",
			promote: promote("production", "staging", Options{Downgrade: true}),
			err:     "staging gets its versions from checkout: promote from there, or say --skip-stages",
		},
		"SkipAnyway": {
			reason:  "In an emergency it goes where it is needed.",
			promote: release("v0.3.0", "production", Options{Skip: true}),
			want: []string{
				"    api: " + digest,
				"    api: " + other,
				`    function: {version: v0.1.0, digest: "` + ones + `"}`,
				`    function: {version: v0.3.0, digest: "` + fours + `"}`,
			},
			moves: []string{
				"environments.production.versions.api: " + digest + " -> " + other,
				"environments.production.versions.function.version: v0.1.0 -> v0.3.0",
				"environments.production.versions.function.digest: " + ones + " -> " + fours,
			},
		},
		"Nothing": {
			reason:  "What is the same already is left as it is.",
			promote: promote("staging", "staging", Options{}),
		},
		"ReleaseToAppCI": {
			reason:  "A release brings app.ci the CRD and the reconciler.",
			promote: release("v0.3.0", AppCIName, Options{}),
			want: []string{
				"    api: " + digest,
				"    api: " + other,
				`    reconciler: {version: v0.2.0, digest: "sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"}`,
				`    reconciler: {version: v0.3.0, digest: "` + fours + `"}`,
			},
			moves: []string{
				"appCI.versions.api: " + digest + " -> " + other,
				"appCI.versions.reconciler.version: v0.2.0 -> v0.3.0",
				"appCI.versions.reconciler.digest: sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd -> " + fours,
			},
		},
		"ReleaseToEnvironment": {
			reason:  "It brings an environment the definitions and the function, and leaves the provider.",
			promote: release("v0.3.0", "staging", Options{}),
			want: []string{
				"    api: " + digest,
				"    api: " + other,
				"      version: v0.2.0 # Faster.",
				"      version: v0.3.0 # Faster.",
				"      digest: " + twos,
				"      digest: " + fours,
			},
			moves: []string{
				"environments.staging.versions.api: " + digest + " -> " + other,
				"environments.staging.versions.function.version: v0.2.0 -> v0.3.0",
				"environments.staging.versions.function.digest: " + twos + " -> " + fours,
			},
		},
		"Unpublished": {
			reason:  "A placeholder does not take the place of a version that runs.",
			replace: []string{"digest: " + twos, "digest: " + Placeholder},
			promote: promote("staging", "production", Options{}),
			err:     "staging has function v0.2.0, which is not published yet: there is nothing to promote",
		},
		"UnknownSource": {
			reason:  "An environment must exist.",
			promote: promote("stage", "production", Options{}),
			err:     `there is no environment "stage" to promote from`,
		},
		"UnknownTarget": {
			reason:  "Both must.",
			promote: promote("staging", "prod", Options{}),
			err:     `there is no environment "prod" to promote to`,
		},
		"UnknownReleaseTarget": {
			reason:  "So must that which a release goes to.",
			promote: release("v0.3.0", "prod", Options{}),
			err:     `there is no environment "prod" to promote to`,
		},
		"Anchored": {
			reason:  "What stands elsewhere in the file is not changed, because it is others' too.",
			replace: []string{"provider:\n      version: v1.3.1\n", "provider: &p\n      version: v1.3.1\n", "    provider:\n      version: 'v1.3.0' # One behind.\n      digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", "    provider: *p\n"},
			promote: promote("staging", "production", Options{}),
			err:     "environments.production.versions.provider.version is not there, or not written out in place: what has an anchor, or is an alias, stands elsewhere too",
		},
		"AnchoredTarget": {
			reason:  "Nor does another environment move, because it has the same by an alias.",
			replace: []string{"provider:\n      version: v1.3.1\n", "provider: &p\n      version: v1.3.1\n", "    provider:\n      version: 'v1.3.0' # One behind.\n      digest: sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n", "    provider: *p\n"},
			promote: release("v0.3.0", "staging", Options{}),
			err:     "environments.staging.versions.provider.version is not there, or not written out in place: what has an anchor, or is an alias, stands elsewhere too",
		},
		"AnchoredAbove": {
			reason:  "Nor where all of it stands below an anchor.",
			replace: []string{"  versions:\n    api: " + digest + "\n    function:\n", "  versions: &v\n    api: " + digest + "\n    function:\n"},
			promote: release("v0.3.0", "staging", Options{}),
			err:     "environments.staging.versions.api is not there, or not written out in place: what has an anchor, or is an alias, stands elsewhere too",
		},
		"AnchoredElsewhere": {
			reason:  "An anchor of what does not move is nobody's concern.",
			replace: []string{"reconciler: {version: v0.2.0", "reconciler: &r {version: v0.2.0"},
			promote: release("v0.2.0", "staging", Options{}),
			want: []string{
				"    api: " + digest,
				"    api: " + other,
				"      digest: " + twos,
				"      digest: " + fours,
			},
			moves: []string{
				"environments.staging.versions.api: " + digest + " -> " + other,
				"environments.staging.versions.function.digest: " + twos + " -> " + fours,
			},
		},
		"Folded": {
			reason:  "A value that cannot be replaced is told, not guessed.",
			replace: []string{"version: 'v1.3.0' # One behind.", "version: >-\n        v1.3.0"},
			promote: promote("staging", "production", Options{}),
			err:     `line 49: cannot replace "v1.3.0": write it out, on one line`,
		},
		"InvalidOutcome": {
			reason:  "Nothing comes of a promotion that leaves the file invalid.",
			replace: []string{"version: v0.1.0", "version: v0.3.0"},
			promote: release("v0.3.0", "staging", Options{}),
			err:     "the outcome would not be valid: environments[production].versions.function: registry.example/function v0.3.0 is " + ones + " here, but " + fours + " at environments[staging].versions.function: bump both or neither\nenvironments[production].versions.api: release v0.3.0 is " + digest + " here, but " + other + " at environments[staging].versions.api: bump both or neither",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := example(t, tc.replace...)

			after, moves, err := tc.promote(before)

			if diff := cmp.Diff(tc.err, text(err)); diff != "" {
				t.Fatalf("\n%s\nPromote(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if err != nil {
				return
			}

			if diff := cmp.Diff(tc.want, changed(before, after)); diff != "" {
				t.Errorf("\n%s\nPromote(...): -want, +got:\n%s", tc.reason, diff)
			}

			var told []string
			for _, m := range moves {
				told = append(told, m.String())
			}

			if diff := cmp.Diff(tc.moves, told); diff != "" {
				t.Errorf("\n%s\nPromote(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}

	return err.Error()
}

// changed returns the lines that differ between two texts of as many lines.
func changed(before, after []byte) []string {
	a, b := strings.Split(string(before), "\n"), strings.Split(string(after), "\n")
	if len(a) != len(b) {
		return []string{"the number of lines"}
	}

	var out []string

	for i := range a {
		if a[i] != b[i] {
			out = append(out, a[i], b[i])
		}
	}

	return out
}
