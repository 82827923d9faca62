//go:build linux

package process

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/sys/unix"
)

// Reap ends what is left of runs whose owner is gone: the process groups written
// down in each directory below parent that MakeDir made with this prefix, or
// anywhere below that directory, and then the directory itself. Directories of a
// running owner are left alone, also those that it is about to finish.
func Reap(parent, prefix string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return errors.Wrap(err, "cannot list directories")
	}

	var errs []error

	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())

		if maker, ok := parseUnfinished(e.Name(), prefix); ok {
			// Another user's is that user's to remove.
			if err := removeUnfinished(maker, dir); !errors.Is(err, fs.ErrPermission) {
				errs = append(errs, err)
			}

			continue
		}

		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}

		s, err := readState(filepath.Join(dir, StateFile))
		if err != nil || s.Owner.Running() {
			continue
		}

		errs = append(errs, reapDir(dir))
	}

	return errors.Join(errs...)
}

// removeUnfinished removes a directory whose maker is gone.
func removeUnfinished(m maker, dir string) error {
	if s, err := readStat(m.pid); err == nil && s.start == m.start && !s.ended() {
		return nil
	}

	return errors.Wrap(os.RemoveAll(dir), "cannot remove an unfinished directory of an earlier run")
}

func reapDir(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != StateFile {
			return ignoreGone(err)
		}

		s, err := readState(path)
		if err != nil {
			return nil //nolint:nilerr // States are written whole, so this is none.
		}

		for _, p := range s.Processes {
			if err := end(p, dir); err != nil {
				return err
			}
		}

		return nil
	})
	// What cannot be ended keeps its directory, for the next run to try again.
	if err != nil {
		return errors.Wrap(err, "cannot end what an earlier run left")
	}

	return errors.Wrap(os.RemoveAll(dir), "cannot remove the directory of an earlier run")
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}

	return err
}

// end kills what is left of the group that a process led, and returns when it is gone.
func end(p Identity, dir string) error {
	for deadline := time.Now().Add(DefaultGrace); ; {
		left, err := leftOf(p, dir)
		if err != nil || len(left) == 0 {
			return err
		}

		if time.Now().After(deadline) {
			return errors.Errorf("processes %v of %s are not gone %s after they were killed", left, p.Name, DefaultGrace)
		}

		for _, pid := range left {
			_ = unix.Kill(pid, unix.SIGKILL)
		}

		time.Sleep(10 * time.Millisecond)
	}
}

// leftOf returns the processes of the group that p led.
//
// While p has not been reaped, no other group can have its id. Later the id alone
// says little: members that outlive p keep it from being given away, but when there
// are none it may by now be the id of somebody else's group, whose leader may have
// ended too. So then only those are p's that have its directory in their environment.
// One that has cleared it is missed.
func leftOf(p Identity, dir string) ([]int, error) {
	pids, err := members(p.PID)
	if err != nil || p.unreaped() {
		return pids, err
	}

	return slices.DeleteFunc(pids, func(pid int) bool {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))

		return err != nil || !bytes.Contains(env, []byte(dir))
	}), nil
}
