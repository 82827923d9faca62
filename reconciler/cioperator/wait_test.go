package cioperator

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWaitScript runs the script with an oc that answers as told, look by look, and
// a sleep that takes no time.
func TestWaitScript(t *testing.T) {
	// An answer is the body of the oc of one look. After the last one, oc finds
	// the signal.
	const (
		// prefix is what ci-operator puts before a step's commands.
		prefix = "#!/bin/bash\nset -eu\n"

		absent    = "exit 0"
		failing   = "echo error: the server is down >&2; exit 1"
		confusing = "echo secret/test-done-signal; exit 1"
		missing   = "exit 127"
		warning   = "echo Warning: the server is old >&2; exit 0"
		forbidden = "echo Warning: x >&2; echo 'secrets \"test-done-signal\" is forbidden' >&2; exit 1"
	)

	repeat := func(answer string, n int) []string {
		return strings.Split(strings.Repeat(answer+"\n", n-1)+answer, "\n")
	}

	const waiting = "waiting for the tear-down signal (status of the last look: "

	type want struct {
		looks int
		lines int
		first string
	}

	cases := map[string]struct {
		reason  string
		answers []string
		want    want
	}{
		"SignalThere": {
			reason: "The script ends at once when the signal is there.",
			want:   want{looks: 1, lines: 1, first: "the tear-down signal is there"},
		},
		"SignalComes": {
			reason:  "The script waits while there is no signal.",
			answers: repeat(absent, 3),
			want:    want{looks: 4, lines: 2, first: waiting + "0) "},
		},
		"Errors": {
			reason:  "No number of errors ends the script.",
			answers: repeat(failing, 13),
			want:    want{looks: 14, lines: 3, first: waiting + "1) error: the server is down"},
		},
		"OutputOfAFailedLook": {
			reason:  "What a failed look prints is not the signal.",
			answers: repeat(confusing, 2),
			want:    want{looks: 3, lines: 2, first: waiting + "1) secret/test-done-signal"},
		},
		"NoClient": {
			reason:  "Not even a missing oc ends the script.",
			answers: repeat(missing, 2),
			want:    want{looks: 3, lines: 2, first: waiting + "127) "},
		},
		"Warning": {
			reason:  "What oc says besides is not the signal.",
			answers: repeat(warning, 2),
			want:    want{looks: 3, lines: 2, first: waiting + "0) Warning: the server is old"},
		},
		"Forbidden": {
			reason:  "A step that may not look says so, and says it in the last line of what oc says.",
			answers: repeat(forbidden, 2),
			want:    want{looks: 3, lines: 2, first: waiting + `1) secrets "test-done-signal" is forbidden`},
		},
		"OneLineAMinute": {
			reason:  "Twelve looks, five seconds apart, share a line.",
			answers: repeat(absent, 12),
			want:    want{looks: 13, lines: 2, first: waiting + "0) "},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			looks := filepath.Join(dir, "looks")

			oc := "#!/bin/sh\necho \"$KUBECONFIG|$*\" >>" + looks + "\ncase $(wc -l <" + looks + ") in\n"
			for i, a := range tc.answers {
				oc += " " + strconv.Itoa(i+1) + ") " + a + " ;;\n"
			}

			oc += "esac\necho secret/test-done-signal\n"

			write(t, filepath.Join(dir, "oc"), oc)
			write(t, filepath.Join(dir, "sleep"), "#!/bin/sh\nexit 1\n")

			cmd := exec.CommandContext(t.Context(), "sh", "-c", prefix+WaitScript)
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "NAMESPACE=ci-op-x", "KUBECONFIG=/under/test"}

			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%s\nscript: %v\n%s", tc.reason, err, out)
			}

			asked, err := os.ReadFile(looks)
			if err != nil {
				t.Fatal(err)
			}

			calls := strings.Split(strings.TrimSpace(string(asked)), "\n")

			first, _, _ := strings.Cut(string(out), "\n")

			got := want{looks: len(calls), lines: strings.Count(string(out), "\n"), first: first}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nscript: -want, +got:\n%s\noutput:\n%s", tc.reason, diff, out)
			}

			call := "|get secret test-done-signal -n ci-op-x --ignore-not-found -o name --request-timeout=20s"
			if diff := cmp.Diff(call, calls[0]); diff != "" {
				t.Errorf("%s\noc: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()

	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
}
