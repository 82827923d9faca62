package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// coverDir is where a program that was built to tell what it covers does. Without it,
// it complains.
const coverDir = "GOCOVERDIR"

// buffer may be read while it is written to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()

	return b.b.String()
}

// running is a tpc that runs.
type running struct {
	cmd *exec.Cmd
	out *buffer
	err *buffer
}

// command returns the program with a kubeconfig, to be started.
func command(t *testing.T, kubeconfig string, args ...string) *exec.Cmd {
	t.Helper()

	// The test binary is in the path under its name.
	c := exec.CommandContext(t.Context(), "tpc", args...)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.Dir, "KUBECONFIG=" + kubeconfig, "TERM=xterm", coverDir + "=" + c.Dir}

	return c
}

func launch(t *testing.T, kubeconfig string, args ...string) *running {
	t.Helper()

	r := &running{cmd: command(t, kubeconfig, args...), out: &buffer{}, err: &buffer{}}
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.err
	must(t, r.cmd.Start())

	return r
}

// await waits for a line on standard output.
func (r *running) await(t *testing.T, pattern string) {
	t.Helper()

	p := regexp.MustCompile("(?m)" + pattern)

	eventually(t, "printing "+pattern, func() error {
		if p.MatchString(r.out.String()) {
			return nil
		}

		return errors.Errorf("standard output:\n%s\nstandard error:\n%s", r.out, r.err)
	})
}

// ended waits for the end of a process, which it brings about when it does not come.
func ended(c *exec.Cmd) error {
	stop := time.AfterFunc(patient, func() { _ = c.Process.Kill() })
	defer stop.Stop()

	return c.Wait()
}

// exits waits for the end.
func (r *running) exits(t *testing.T, want int) {
	t.Helper()

	err := ended(r.cmd)
	if got := r.cmd.ProcessState.ExitCode(); got != want {
		t.Fatalf("exit code: want %d, got %d (%v)\nstandard output:\n%s\nstandard error:\n%s", want, got, err, r.out, r.err)
	}
}
