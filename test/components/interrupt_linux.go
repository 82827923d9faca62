package components

import (
	"os/exec"
	"syscall"
)

// endWithUs has a command, and what it starts, end when its context does. Compilers that a build
// has started would else go on when it is killed. When we are killed, the kernel kills the command;
// the goroutine that starts it must keep its thread until it has ended.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
