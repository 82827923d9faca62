//go:build linux && e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingLeftBehind ends a program in the middle of a cluster's life.
func TestNothingLeftBehind(t *testing.T) {
	local := filepath.Join(tempDir(t), "local")

	build := exec.CommandContext(t.Context(), "go", "build", "-o", local, "./test/local")
	build.Dir = shared.Root()

	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	demo := []string{local, "demo"}

	cases := map[string]struct {
		reason  string
		program []string
		signal  syscall.Signal

		// next is run when it takes that to clear up.
		next []string
	}{
		"Interrupted": {
			reason:  "Ctrl-C stops and removes everything.",
			program: demo,
			signal:  syscall.SIGINT,
		},
		"Killed": {
			reason:  "Children of a killed demo die with it, and the next run clears up the rest.",
			program: demo,
			signal:  syscall.SIGKILL,
			next:    demo,
		},
		"TestsInterrupted": {
			reason:  "Ctrl-C ends the tests, the stack that they share, and one that is a test's own.",
			program: []string{os.Args[0], "-test.run=^TestInstall$/^v2$", "-test.v"},
			signal:  syscall.SIGINT,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parallel(t, stacks)

			tmp := tempDir(t)

			p := startProgram(t, tmp, tc.program)
			p.awaitOutput(t, "ci-operator's Secret holds the kubeconfig")

			// The last to be started, and the one that has not inherited TMPDIR.
			isStep := func(process string) bool { return strings.Contains(process, "wait-test-complete.sh") }

			before := processesBelow(t, tmp)
			if !eventually(time.Minute, func() bool { before = processesBelow(t, tmp); return slices.ContainsFunc(before, isStep) }) {
				t.Fatalf("\n%s\nthe step does not run, so this test shows nothing: %v", tc.reason, before)
			}

			dirs := entries(t, tmp)

			p.end(t, tc.signal)

			if tc.next != nil {
				next := startProgram(t, tmp, tc.next)
				next.awaitOutput(t, "the control planes are ready")

				shares := func(got, earlier []string) []string {
					return slices.DeleteFunc(got, func(s string) bool { return !slices.Contains(earlier, s) })
				}

				if left := shares(processesBelow(t, tmp), before); len(left) > 0 {
					t.Errorf("\n%s\nthe next run has left running: %v", tc.reason, left)
				}

				if left := shares(entries(t, tmp), dirs); len(left) > 0 {
					t.Errorf("\n%s\nthe next run has left: %v", tc.reason, left)
				}

				next.end(t, syscall.SIGINT)
			}

			// A process that was killed may still be on its way out.
			left := before
			if !eventually(10*time.Second, func() bool { left = processesBelow(t, tmp); return len(left) == 0 }) {
				t.Errorf("\n%s\nstill running: %v", tc.reason, left)
			}

			if left := entries(t, tmp); len(left) > 0 {
				t.Errorf("\n%s\nstill there: %v", tc.reason, left)
			}
		})
	}
}

// tempDir makes a directory that is removed with the shared stack at the latest.
func tempDir(t *testing.T) string {
	t.Helper()

	dir, err := os.MkdirTemp(shared.Path(), "test-") //nolint:usetesting // When a signal ends the tests, nobody removes t.TempDir.
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})

	return dir
}

func entries(t *testing.T, dir string) []string {
	t.Helper()

	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}

	names := make([]string, 0, len(all))
	for _, e := range all {
		names = append(names, e.Name())
	}

	return names
}

// processesBelow lists the processes that have to do with a directory, by their
// environment, such as TMPDIR, HOME or KUBECONFIG, their command line, or the
// directory that they work in.
func processesBelow(t *testing.T, dir string) []string {
	t.Helper()

	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}

	var found []string

	for _, p := range paths {
		// What cannot be read is another user's, or gone.
		env, _ := os.ReadFile(filepath.Join(p, "environ"))
		cmdline, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(p, "cwd"))

		if bytes.Contains(env, []byte(dir)) || bytes.Contains(cmdline, []byte(dir)) || strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(p)+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte(" "))))
		}
	}

	return found
}
