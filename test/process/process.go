//go:build linux

// Package process runs child processes that cannot outlive the program that
// started them: not on a clean stop, not on a signal, and not when it is killed.
//
// A child leads a process group of its own, so that stopping it stops what it
// started, and the kernel kills it when its parent dies. What a killed parent may
// still leave behind (grandchildren, directories) is written down beforehand, by
// process id and start time, and cleared by the next run: see Reap.
package process

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/sys/unix"
)

// DefaultGrace is how long a process may take to end after SIGTERM, unless its
// Command says otherwise.
const DefaultGrace = 10 * time.Second

// Command describes a process to start.
type Command struct {
	// Name is what the process is called in errors and in the state file.
	Name string

	// Path of the program, Args after the program's name, and Env beside the
	// parent's environment.
	Path string
	Args []string
	Env  []string

	// Dir is the working directory; the parent's own when empty.
	Dir string

	// Log is the file that standard output and error are appended to; dropped when empty.
	Log string

	// Grace is how long the process may take to end after SIGTERM before it is killed.
	Grace time.Duration
}

// Process is a running or ended child.
type Process struct {
	Command

	cmd  *exec.Cmd
	done chan struct{}
	err  error

	stop sync.Once
}

// PID is the process's id, and that of the group it leads.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process and all of its group have ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended: nil for exit code 0. It is only meaningful
// once Done is closed.
func (p *Process) Err() error { return p.err }

// Wait waits until the process has ended, and returns how: see Err. When the context
// ends first it stops the process, and returns the context's error.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.Stop()

		return ctx.Err()
	case <-p.Done():
		return p.Err()
	}
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Stop asks the process to end, kills its whole group if it does not within its
// grace, and returns when all of it is gone.
func (p *Process) Stop() {
	p.stop.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)

		t := time.NewTimer(p.Grace)
		defer t.Stop()

		select {
		case <-p.done:
		case <-t.C:
			_ = p.cmd.Process.Kill()
		}
	})
	<-p.done
}

// wait reaps the process. What is left of its group is killed while the dead
// leader still holds the group's id, so that no other group can be hit.
func (p *Process) wait() {
	for {
		err := unix.Waitid(unix.P_PID, p.PID(), nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}

	_ = unix.Kill(-p.PID(), unix.SIGKILL)

	p.err = p.cmd.Wait()
	close(p.done)
}

// dirVariable, in the environment of everything that a group starts, names the
// group's directory, which tells what is left of a group from others' processes.
const dirVariable = "PROCESS_GROUP_DIR"

// Group starts processes and stops them together.
type Group struct {
	dir   string
	state *state
	start chan func()

	mu      sync.Mutex
	procs   []*Process
	stopped bool
}

// NewGroup returns a group that writes its processes down in a directory, which
// must exist.
func NewGroup(dir string) (*Group, error) {
	s, err := newState(dir)
	if err != nil {
		return nil, err
	}

	g := &Group{dir: dir, state: s, start: make(chan func())}

	go func() {
		// The parent-death signal is sent when the starting thread ends, not the
		// process: this thread must last as long as the program.
		runtime.LockOSThread()

		for f := range g.start {
			f()
		}

		select {}
	}()

	return g, nil
}

// Start starts a process.
func (g *Group) Start(c Command) (*Process, error) {
	if c.Grace == 0 {
		c.Grace = DefaultGrace
	}

	var out io.Writer

	if c.Log != "" {
		f, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, errors.Wrapf(err, "cannot open the log of %s", c.Name)
		}

		defer f.Close() //nolint:errcheck // The child has its own descriptor; nothing was written through this one.

		out = f
	}

	cmd := exec.Command(c.Path, c.Args...) //nolint:gosec,noctx // Running what the caller names is the purpose; Stop ends it.
	cmd.Env = append(append(os.Environ(), dirVariable+"="+g.dir), c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	p := &Process{Command: c, cmd: cmd, done: make(chan struct{})}

	g.mu.Lock()
	defer g.mu.Unlock()

	if g.stopped {
		return nil, errors.Errorf("cannot start %s: its group was stopped", c.Name)
	}

	started := make(chan error)
	g.start <- func() { started <- cmd.Start() }

	if err := <-started; err != nil {
		return nil, errors.Wrapf(err, "cannot start %s", c.Name)
	}

	// Written down before it is waited for: a child that has ended already can only
	// be identified until it is reaped.
	err := g.state.add(c.Name, p.PID())

	go p.wait()

	g.procs = append(g.procs, p)

	if err != nil {
		p.Stop()

		return nil, err
	}

	return p, nil
}

// Stop stops all processes, the last started first, and refuses further ones.
func (g *Group) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.stopped = true

	for _, v := range slices.Backward(g.procs) {
		v.Stop()
	}
}

// Processes returns what was started, in order.
func (g *Group) Processes() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()

	return append([]*Process(nil), g.procs...)
}

// Tail returns the last n lines of a file, or why it cannot.
func Tail(path string, n int) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err.Error()
	}

	lines := strings.Split(string(bytes.TrimSpace(b)), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}

	return strings.Join(lines, "\n")
}
