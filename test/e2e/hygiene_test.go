//go:build linux && e2e

package e2e

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNothingLeftBehind ends a demo in the middle of a cluster's life. Whatever it
// started has its TMPDIR, whether or not it was written down.
func TestNothingLeftBehind(t *testing.T) {
	local := filepath.Join(t.TempDir(), "local")

	if out, err := command(t, "go", "build", "-o", local, "./test/local").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	cases := map[string]struct {
		reason string
		signal syscall.Signal
		// runsAgain is whether it takes the next run to clear up.
		runsAgain bool
	}{
		"Interrupted": {
			reason: "Ctrl-C stops and removes everything.",
			signal: syscall.SIGINT,
		},
		"Killed": {
			reason:    "Children of a killed demo die with it, and the next run removes its directory.",
			signal:    syscall.SIGKILL,
			runsAgain: true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()

			demo := command(t, local, "demo", "--namespace=tenant-a")
			demo.Env = append(os.Environ(), "TMPDIR="+tmp)

			out, err := demo.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}

			if err := demo.Start(); err != nil {
				t.Fatal(err)
			}

			awaitLine(t, out, "ci-operator's Secret holds the kubeconfig")

			before := processesWith(t, "TMPDIR="+tmp)
			if len(before) < 10 {
				t.Fatalf("\n%s\nonly %d processes run, so this test shows nothing: %v", tc.reason, len(before), before)
			}

			_ = demo.Process.Signal(tc.signal)

			if err := demo.Wait(); err == nil {
				t.Errorf("\n%s\nthe demo exited 0", tc.reason)
			}

			if tc.runsAgain {
				again := command(t, local, "down")
				again.Dir = t.TempDir()
				again.Env = append(os.Environ(), "TMPDIR="+tmp)

				if out, err := again.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}

			deadline := time.Now().Add(10 * time.Second)
			for left := processesWith(t, "TMPDIR="+tmp); len(left) > 0; left = processesWith(t, "TMPDIR="+tmp) {
				if time.Now().After(deadline) {
					t.Fatalf("\n%s\nstill running: %v", tc.reason, left)
				}

				time.Sleep(50 * time.Millisecond)
			}

			left, err := filepath.Glob(filepath.Join(tmp, "*"))
			if err != nil || len(left) > 0 {
				t.Errorf("\n%s\nstill there: %v %v", tc.reason, left, err)
			}
		})
	}
}

func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = shared.Root()

	return cmd
}

// awaitLine reads until a line holds a text, and goes on reading in the background.
func awaitLine(t *testing.T, out io.Reader, text string) {
	t.Helper()

	found := make(chan bool, 1)

	go func() {
		scanner := bufio.NewScanner(out)
		seen := &strings.Builder{}

		for scanner.Scan() {
			_, _ = seen.WriteString(scanner.Text() + "\n")

			if strings.Contains(scanner.Text(), text) {
				found <- true

				seen.Reset()
			}
		}

		found <- false
	}()

	select {
	case ok := <-found:
		if !ok {
			t.Fatalf("the demo ended before it said %q", text)
		}
	case <-time.After(3 * time.Minute):
		t.Fatalf("the demo has not said %q", text)
	}
}

// processesWith lists the processes whose environment has a variable.
func processesWith(t *testing.T, variable string) []string {
	t.Helper()

	paths, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}

	var found []string

	for _, p := range paths {
		env, err := os.ReadFile(filepath.Clean(p))
		if err != nil {
			continue
		}

		if bytes.Contains(append(append([]byte{0}, env...), 0), []byte("\x00"+variable+"\x00")) {
			cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(p), "cmdline"))
			found = append(found, filepath.Base(filepath.Dir(p))+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte(" "))))
		}
	}

	return found
}
