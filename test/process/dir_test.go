//go:build linux

package process

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReapUnfinished(t *testing.T) {
	reason := "A directory that was being made is removed when its maker is gone, and only then."

	self, err := Identify("", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}

	dead := gone(t)
	parent := t.TempDir()

	names := map[string]string{
		"abandoned":     maker{pid: dead.PID, start: dead.Start}.prefix() + "test-1",
		"sameIDLater":   maker{pid: self.PID, start: self.Start - 1}.prefix() + "test-2",
		"inTheMaking":   maker{pid: self.PID, start: self.Start}.prefix() + "test-3",
		"otherPrefix":   maker{pid: dead.PID, start: dead.Start}.prefix() + "other-4",
		"someoneElse's": ".new-test-5",
	}

	for _, name := range names {
		if err := os.Mkdir(filepath.Join(parent, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}

	if err := Reap(parent, "test-"); err != nil {
		t.Fatal(err)
	}

	got := map[string]bool{}

	for what, name := range names {
		if _, err := os.Stat(filepath.Join(parent, name)); err == nil {
			got[what] = true
		}
	}

	want := map[string]bool{"inTheMaking": true, "otherPrefix": true, "someoneElse's": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("\n%s\nReap(...): kept: -want, +got:\n%s", reason, diff)
	}
}

func TestEndAll(t *testing.T) {
	reason := "A program that ends leaves neither processes nor directories, and can make no more."

	parent := t.TempDir()
	cmd, dir := startParent(t, parent)
	pids := []int{childOf(t, dir), readPID(filepath.Join(dir, "grandchild"))}

	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Errorf("\n%s\nMakeDir(...) after EndAll(): want an error; the program ended with %v", reason, err)
	}

	for _, pid := range pids {
		eventually(t, func() bool { return !alive(pid) })
	}

	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("\n%s\nEndAll(): still there: %v %v", reason, left, err)
	}
}
