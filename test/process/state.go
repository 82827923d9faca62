//go:build linux

package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/sys/unix"
)

// StateFile is the name of the file, in a group's directory, that its processes
// are written down in.
const StateFile = "processes.json"

// Identity tells a process from a later one that was given the same id.
type Identity struct {
	Name string `json:"name,omitempty"`
	PID  int    `json:"pid"`

	// Start is when the process started, in clock ticks since boot (field 22 of
	// /proc/PID/stat), and Boot is the boot that it started in.
	Start uint64 `json:"start"`
	Boot  string `json:"boot"`
}

// state is what a group writes down.
type state struct {
	mu   sync.Mutex
	path string

	Owner     Identity   `json:"owner"`
	Processes []Identity `json:"processes,omitempty"`
}

func newState(dir string) (*state, error) {
	owner, err := Identify("", os.Getpid())
	if err != nil {
		return nil, err
	}

	s := &state{path: filepath.Join(dir, StateFile), Owner: owner}

	err = s.write()

	return s, err
}

func (s *state) add(name string, pid int) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	id, err := Identify(name, pid)
	if err != nil {
		return err
	}

	s.Processes = append(s.Processes, id)

	return s.write()
}

func (s *state) write() error {
	b, err := json.Marshal(s)
	if err != nil {
		return errors.Wrap(err, "cannot encode the process state")
	}

	tmp := s.path + ".tmp"
	if err := os.WriteFile(tmp, b, 0o600); err != nil { //nolint:gosec // The path is the caller's own directory.
		return errors.Wrap(err, "cannot write the process state")
	}

	return errors.Wrap(os.Rename(tmp, s.path), "cannot write the process state") //nolint:gosec // As above.
}

// Identify tells a running process by its id.
func Identify(name string, pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, errors.Wrap(err, "cannot read the boot id")
	}

	start, err := startTime(pid)
	if err != nil {
		return Identity{}, err
	}

	return Identity{Name: name, PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// startTime is field 22 of /proc/PID/stat. Field 2 is the program's name in
// parentheses and may itself hold spaces and parentheses.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, errors.Wrapf(err, "cannot read the state of process %d", pid)
	}

	_, rest, _ := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")

	const startField = 22 - 3 // The rest begins with field 3.

	fields := strings.Fields(rest)
	if len(fields) <= startField {
		return 0, errors.Errorf("cannot parse the state of process %d", pid)
	}

	t, err := strconv.ParseUint(fields[startField], 10, 64)

	return t, errors.Wrapf(err, "cannot parse the start time of process %d", pid)
}

// Running reports whether the process is the one that was written down.
func (i Identity) Running() bool {
	now, err := Identify(i.Name, i.PID)

	return err == nil && now == i
}

// MakeDir makes a directory below parent whose name starts with prefix, and a
// group whose processes are written down there. Reap can clear it from the
// moment that it exists.
func MakeDir(parent, prefix string) (string, *Group, error) {
	tmp, err := os.MkdirTemp(parent, ".new-"+prefix)
	if err != nil {
		return "", nil, errors.Wrap(err, "cannot make a directory")
	}

	if _, err := newState(tmp); err != nil {
		return "", nil, err
	}

	dir := filepath.Join(parent, strings.TrimPrefix(filepath.Base(tmp), ".new-"))
	if err := os.Rename(tmp, dir); err != nil { //nolint:gosec // Both names are ours.
		return "", nil, errors.Wrap(err, "cannot make a directory")
	}

	g, err := NewGroup(dir)

	return dir, g, err
}

// Reap ends what is left of runs whose owner is gone: the process groups written
// down in each directory below parent that MakeDir made with this prefix, or in
// its subdirectories, and then the directory itself. Directories of a running
// owner are left alone.
func Reap(parent, prefix string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return errors.Wrap(err, "cannot list directories")
	}

	var errs []error

	for _, dir := range dirs {
		s, err := readState(filepath.Join(dir, StateFile))
		if err != nil || s.Owner.Running() {
			continue
		}

		errs = append(errs, reapDir(dir))
	}

	return errors.Join(errs...)
}

func reapDir(dir string) error {
	files := []string{filepath.Join(dir, StateFile)}

	nested, err := filepath.Glob(filepath.Join(dir, "*", StateFile))
	if err != nil {
		return errors.Wrap(err, "cannot list process states")
	}

	for _, f := range append(files, nested...) {
		s, err := readState(f)
		if err != nil {
			continue
		}

		for _, p := range s.Processes {
			end(p)
		}
	}

	return errors.Wrap(os.RemoveAll(dir), "cannot remove the directory of an earlier run")
}

// end kills the group that a process leads, if it is still that process, or if
// the process is gone and the group still has members that it started.
func end(p Identity) {
	if !p.Running() && !orphaned(p) {
		return
	}

	_ = unix.Kill(-p.PID, unix.SIGKILL)

	for deadline := time.Now().Add(DefaultGrace); p.Running() && time.Now().Before(deadline); {
		_ = unix.Kill(p.PID, unix.SIGKILL)

		time.Sleep(10 * time.Millisecond)
	}
}

// orphaned reports whether the group that p led has members although p is gone.
// The kernel does not give a process the id of a group that still has members,
// so they can only be p's.
func orphaned(p Identity) bool {
	if _, err := startTime(p.PID); err == nil {
		return false
	}

	boot, err := Identify("", os.Getpid())

	return err == nil && boot.Boot == p.Boot && unix.Kill(-p.PID, 0) == nil
}

func readState(path string) (*state, error) {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the process state")
	}

	s := &state{}

	return s, errors.Wrap(json.Unmarshal(b, s), "cannot parse the process state")
}
