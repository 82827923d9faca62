package main

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
)

// asProgram makes the test's own binary be the program.
const asProgram = "GEN_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()

		return
	}

	os.Exit(m.Run())
}

// A ran is a run of the program.
type ran struct {
	Code           int
	Stdout, Stderr string
}

// gen runs the program as a process of its own, in the root of the project.
func gen(t *testing.T, env []string, args ...string) ran {
	t.Helper()

	stdout, stderr := &bytes.Buffer{}, &bytes.Buffer{}

	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	cmd.Dir = ".."
	cmd.Stdout, cmd.Stderr = stdout, stderr

	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("cannot run gen: %v", err)
	}

	return ran{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
}

func TestUsage(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"NoContext": {
			reason: "Without a cluster to compare with nothing can be told.",
			args:   []string{"drift", "--app-ci", "app.ci"},
			want:   "gen: error: missing flags: --konflux=CONTEXT\n",
		},
		"UnknownFlag": {
			reason: "What a flag that is not there would have meant cannot be told.",
			args:   []string{"drift", "--konflux", "k", "--app-ci", "a", "--strict"},
			want:   "gen: error: unknown flag --strict\n",
		},
		"UnknownOutput": {
			reason: "Nor what another output is.",
			args:   []string{"drift", "--konflux", "k", "--app-ci", "a", "--output", "xml"},
			want:   "gen: error: --output must be one of \"text\",\"json\" but got \"xml\"\n",
		},
		"NoName": {
			reason: "What Prow would take for another cluster's kubeconfig is not issued.",
			args:   []string{"kubeconfig", "--namespace", "ci", "--service-account", "ephemeralcluster-reconciler"},
			want:   "gen: error: kubeconfig: --name says what the kubeconfig calls the cluster: for a build cluster the alias that Prow has for it\n",
		},
		"NoFile": {
			reason: "A file that is not there breaks nothing, and nothing is known of it.",
			args:   []string{"breaking", crdFile, "nowhere.yaml"},
			want:   "gen: error: cannot read CRD: open nowhere.yaml: no such file or directory\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := gen(t, nil, tc.args...)
			got.Stdout = ""

			if diff := cmp.Diff(ran{Code: codeUnknown, Stderr: tc.want}, got); diff != "" {
				t.Errorf("%s\ngen %v: -want, +got:\n%s", tc.reason, tc.args, diff)
			}
		})
	}
}
