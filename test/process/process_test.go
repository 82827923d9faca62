//go:build linux

package process

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test program plays the parent that is killed when this variable is set: it
// starts a child that starts a grandchild, and tells their directory.
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

	_, _ = fmt.Fprintln(os.Stdout, dir)

	select {}
}

func TestStop(t *testing.T) {
	cases := map[string]struct {
		reason string
		script string
		failed bool
	}{
		"Obeys": {
			reason: "A process that ends on SIGTERM is not killed, and its exit code is kept.",
			script: "trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done",
		},
		"Refuses": {
			reason: "A process that ignores SIGTERM is killed after its grace.",
			script: "trap '' TERM; touch ready; while :; do sleep 0.01; done",
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

			p, err := g.Start(Command{Name: name, Path: "/bin/sh", Args: []string{"-c", tc.script}, Dir: dir, Grace: 200 * time.Millisecond})
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

func TestReap(t *testing.T) {
	cases := map[string]struct {
		reason string
		kill   bool
	}{
		"OwnerKilled": {
			reason: "The children of a killed owner die with it; what they leave, and the directory, is cleared.",
			kill:   true,
		},
		"OwnerRuns": {
			reason: "Nothing of a running owner is touched.",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()

			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), parentVariable+"="+parent)

			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}

			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}

			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}

			dir := strings.TrimSpace(line)

			eventually(t, func() bool { return readPID(filepath.Join(dir, "grandchild")) != 0 })

			child, grandchild := childOf(t, dir), readPID(filepath.Join(dir, "grandchild"))

			if tc.kill {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()

				eventually(t, func() bool { return !alive(child) })
			}

			if err := Reap(parent, "test-"); err != nil {
				t.Fatal(err)
			}

			for what, pid := range map[string]int{"child": child, "grandchild": grandchild} {
				if tc.kill {
					eventually(t, func() bool { return !alive(pid) })
				} else if !alive(pid) {
					t.Errorf("\n%s\nReap(...): the %s was killed", tc.reason, what)
				}
			}

			if _, err := os.Stat(dir); os.IsNotExist(err) != tc.kill {
				t.Errorf("\n%s\nReap(...): want directory removed %t, got %v", tc.reason, tc.kill, err)
			}

			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = Reap(parent, "test-")
		})
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

func childOf(t *testing.T, dir string) int {
	t.Helper()

	b, err := os.ReadFile(filepath.Join(dir, StateFile))
	if err != nil {
		t.Fatal(err)
	}

	s := &state{}
	if err := json.Unmarshal(b, s); err != nil || len(s.Processes) != 1 {
		t.Fatalf("state %s: want one process: %v", b, err)
	}

	return s.Processes[0].PID
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
