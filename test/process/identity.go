//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Identity tells a process from a later one that was given the same id.
type Identity struct {
	Name string `json:"name,omitempty"`
	PID  int    `json:"pid"`

	// Start is when the process started, in clock ticks since boot (field 22 of
	// /proc/PID/stat), and Boot is the boot that it started in.
	Start uint64 `json:"start"`
	Boot  string `json:"boot"`
}

// Identify tells a process by its id, for as long as it was not reaped.
func Identify(name string, pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, errors.Wrap(err, "cannot read the boot id")
	}

	s, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}

	return Identity{Name: name, PID: pid, Start: s.start, Boot: strings.TrimSpace(string(boot))}, nil
}

// Running reports whether the process that was written down still runs. One that
// has ended does not, even where nobody reaps it.
func (i Identity) Running() bool {
	s, err := readStat(i.PID)

	return err == nil && !s.ended() && i.unreaped()
}

// unreaped reports whether the process still has its id: it runs, or nobody has
// reaped it.
func (i Identity) unreaped() bool {
	now, err := Identify(i.Name, i.PID)

	return err == nil && now == i
}

// stat is what /proc/PID/stat tells of a process.
type stat struct {
	state string // Field 3.
	group int    // Field 5.
	start uint64 // Field 22.
}

// ended reports whether nothing of the process is left but its exit code.
func (s stat) ended() bool { return s.state == "Z" || s.state == "X" }

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, errors.Wrapf(err, "cannot read the state of process %d", pid)
	}

	s, err := parseStat(b)

	return s, errors.Wrapf(err, "cannot parse the state of process %d", pid)
}

// parseStat reads the fields after the second, which is the program's name in
// parentheses and may itself hold spaces and parentheses.
func parseStat(b []byte) (stat, error) {
	const state, group, start = 0, 2, 19 // Counted from field 3.

	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= start {
		return stat{}, errors.Errorf("only %d fields follow the name", len(fields))
	}

	g, err := strconv.Atoi(fields[group])
	if err != nil {
		return stat{}, errors.Wrap(err, "cannot parse the process group")
	}

	t, err := strconv.ParseUint(fields[start], 10, 64)

	return stat{state: fields[state], group: g, start: t}, errors.Wrap(err, "cannot parse the start time")
}

// members returns the processes of a group that have not ended.
func members(group int) ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, errors.Wrap(err, "cannot list processes")
	}

	var pids []int

	for _, p := range paths {
		pid, err := strconv.Atoi(filepath.Base(p))
		if err != nil {
			continue
		}

		// One that cannot be read was reaped in the meantime.
		if s, err := readStat(pid); err == nil && s.group == group && !s.ended() {
			pids = append(pids, pid)
		}
	}

	return pids, nil
}
