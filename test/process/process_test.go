//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program plays a parent when this variable is set: it starts a child that
// starts a grandchild, and tells their directory. It is killed, or ends all when it
// is asked to.
const parentVariable = "PROCESS_TEST_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		playParent(dir)
	}

	os.Exit(m.Run())
}

func playParent(parent string) {
	dir, g, err := MakeDir(parent, "test-")
	if err != nil {
		panic(err)
	}

	if _, err := g.Start(Command{Name: "child", Path: "/bin/sh", Args: []string{"-c", "sleep 1000 & echo $! >" + dir + "/grandchild; wait"}}); err != nil {
		panic(err)
	}

	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)

	_, _ = fmt.Fprintln(os.Stdout, dir)

	<-asked
	EndAll()

	if _, _, err := MakeDir(parent, "test-"); err == nil {
		os.Exit(1)
	}

	os.Exit(0)
}

func TestStop(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		grace  time.Duration
		failed bool
	}{
		"Obeys": {
			reason: "A process that ends on SIGTERM is not killed, and its exit code is kept.",
			script: "trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done",
		},
		"Refuses": {
			reason: "A process that ignores SIGTERM is killed after its grace.",
			script: "trap '' TERM; touch ready; while :; do sleep 0.01; done",
			grace:  200 * time.Millisecond,
			failed: true,
		},
		"LeavesGrandchild": {
			reason: "What a process has started ends with it.",
			script: "sleep 1000 & echo $! >grandchild; trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()

			g, err := NewGroup(dir)
			if err != nil {
				t.Fatal(err)
			}

			p, err := g.Start(Command{Name: name, Path: "/bin/sh", Args: []string{"-c", tc.script}, Dir: dir, Grace: tc.grace})
			if err != nil {
				t.Fatal(err)
			}

			eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "ready")); return err == nil })
			g.Stop()

			if got := p.Err() != nil; got != tc.failed {
				t.Errorf("\n%s\nStop(): want failed %t, got %v", tc.reason, tc.failed, p.Err())
			}

			if alive(p.PID()) {
				t.Errorf("\n%s\nStop(): process %d is alive", tc.reason, p.PID())
			}

			if pid := readPID(filepath.Join(dir, "grandchild")); pid != 0 {
				eventually(t, func() bool { return !alive(pid) })
			}

			if _, err := g.Start(Command{Name: name, Path: "/bin/true"}); err == nil {
				t.Errorf("\n%s\nStart() after Stop(): want an error", tc.reason)
			}
		})
	}
}

func TestStartMarks(t *testing.T) {
	reason := "A process and what it starts have their group's directory in the environment, even in another group's."

	dir := t.TempDir()
	log := filepath.Join(dir, "log")

	t.Setenv(dirVariable, "/another")

	g, err := NewGroup(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Stop()

	p, err := g.Start(Command{Name: "printer", Path: "/bin/sh", Args: []string{"-c", "echo $" + dirVariable}, Log: log})
	if err != nil {
		t.Fatal(err)
	}

	<-p.Done()

	if got := Tail(log, 1); got != dir {
		t.Errorf("\n%s\nStart(...): want %s, got %s", reason, dir, got)
	}
}

func TestFreePort(t *testing.T) {
	seen := map[int]bool{}

	for range 100 {
		p, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}

		if seen[p] || p < minPort || p >= maxPort {
			t.Fatalf("FreePort(): %d was returned before, or is out of range", p)
		}

		seen[p] = true
	}
}

func readPID(path string) int {
	b, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))

	return pid
}

// alive reports whether a process runs; one that only waits to be reaped does not.
func alive(pid int) bool {
	if unix.Kill(pid, syscall.Signal(0)) != nil {
		return false
	}

	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))

	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(b[bytes.LastIndexByte(b, ')')+1:])), "Z")
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()

	for deadline := time.Now().Add(10 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("condition not met within 10s")
		}

		time.Sleep(5 * time.Millisecond)
	}
}
