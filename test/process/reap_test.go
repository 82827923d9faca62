//go:build linux

package process

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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
			cmd, dir := startParent(t, parent)
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

// startParent runs the program that playParent is, and returns it, with its
// directory, once its grandchild runs.
func startParent(t *testing.T, parent string) (*exec.Cmd, string) {
	t.Helper()

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

	return cmd, dir
}

// TestReapMembers is about groups whose leader has ended and whose members go on.
func TestReapMembers(t *testing.T) {
	cases := map[string]struct {
		reason string
		// marked is whether the members have the directory in their environment.
		marked bool
		reaped bool
		killed bool
	}{
		"LeaderReaped": {
			reason: "Members are told by their environment once the leader is gone.",
			marked: true,
			reaped: true,
			killed: true,
		},
		"LeaderUnreaped": {
			reason: "A leader that nobody reaps still owns its group, whatever its members' environment.",
			killed: true,
		},
		"OthersGroup": {
			reason: "A group that was given the same id later is left alone.",
			reaped: true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "test-1")
			file := filepath.Join(t.TempDir(), "member")

			cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $! >"+file+".tmp; mv "+file+".tmp "+file+"; read line")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

			if tc.marked {
				cmd.Env = append(os.Environ(), dirVariable+"="+dir)
			}

			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}

			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}

			leader, err := Identify("leader", cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}

			eventually(t, func() bool { return readPID(file) != 0 })

			member := readPID(file)

			t.Cleanup(func() { _ = syscall.Kill(member, syscall.SIGKILL) })

			_ = stdin.Close()

			eventually(t, func() bool { return !leader.Running() })

			if tc.reaped {
				_ = cmd.Wait()
			}

			writeState(t, dir, gone(t), leader)

			if err := Reap(parent, "test-"); err != nil {
				t.Fatal(err)
			}

			if got := !alive(member); got != tc.killed {
				t.Errorf("\n%s\nReap(...): want member killed %t, got %t", tc.reason, tc.killed, got)
			}

			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("\n%s\nReap(...): want the directory removed, got %v", tc.reason, err)
			}

			if !tc.reaped {
				_ = cmd.Wait()
			}
		})
	}
}

// gone is a process that has ended and was reaped.
func gone(t *testing.T) Identity {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), "/bin/true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	id, err := Identify("", cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}

	return id
}

func writeState(t *testing.T, dir string, owner Identity, processes ...Identity) {
	t.Helper()

	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}

	s := &state{path: filepath.Join(dir, StateFile), Owner: owner, Processes: processes}
	if err := s.write(); err != nil {
		t.Fatal(err)
	}
}
