//go:build linux && e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a program may take to say what it is waited for, which starts
// two stacks at most.
const patience = 15 * time.Minute

// program is one that clears up after itself when it is interrupted.
type program struct {
	cmd *exec.Cmd

	// ended is closed once the program has, with err.
	ended chan struct{}
	err   error

	mu     sync.Mutex
	output bytes.Buffer
}

// startProgram runs a program whose temporary directory is tmp. What it has said is
// shown when the test fails.
func startProgram(t *testing.T, tmp string, args []string) *program {
	t.Helper()

	p := &program{cmd: exec.CommandContext(interrupted, args[0], args[1:]...), ended: make(chan struct{})}
	p.cmd.Dir = shared.Root()
	p.cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = time.Minute

	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}

	programs.Go(func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	})

	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		<-p.ended

		if t.Failed() {
			t.Logf("%s has said:\n%s", strings.Join(args, " "), p.said())
		}
	})

	return p
}

// Write keeps what the program says.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.output.Write(b)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.output.String()
}

func (p *program) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// awaitOutput waits until the program has said something.
func (p *program) awaitOutput(t *testing.T, text string) {
	t.Helper()

	if !eventually(patience, func() bool { return strings.Contains(p.said(), text) || p.hasEnded() }) {
		t.Fatalf("the program has not said %q within %s", text, patience)
	}

	if !strings.Contains(p.said(), text) {
		t.Fatalf("the program ended before it said %q: %v", text, p.err)
	}
}

// end signals the program and waits until it ends, in failure, as that is not how it
// was to end.
func (p *program) end(t *testing.T, s syscall.Signal) {
	t.Helper()

	start := time.Now()

	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}

	// Each of its processes has ten seconds to end by itself.
	if !eventually(3*time.Minute, p.hasEnded) {
		t.Fatalf("the program runs three minutes after it got signal %s", s)
	}

	if p.err == nil {
		t.Errorf("the program exited 0 although it got signal %s", s)
	}

	t.Logf("ended %s after signal %s: %v", time.Since(start).Round(time.Millisecond), s, p.err)
}
