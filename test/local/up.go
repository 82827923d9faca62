//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
)

// Files below the checkout's .stack that tell about the stack that runs.
const (
	dir        = ".stack"
	envFile    = "env"
	serverFile = "server.json"
	outputFile = "output"
)

// tenant is the namespace of the Konflux cluster to play in: it is among the owners of
// the cluster profile.
const tenant = "tenant-a"

// checkInterval is how often a process or a file is looked at.
const checkInterval = 100 * time.Millisecond

type up struct {
	Without []string `env:"WITHOUT"                                           help:"What to leave out, to run it from elsewhere: reconciler, function."`
	Debug   bool     `help:"Raise the log level of every component but etcd."`
}

// Run starts a server that outlives it, and returns once the stack is up.
func (u *up) Run(ctx context.Context) error {
	if id, err := readServer(); err == nil && id.Running() {
		return errors.New("a stack is up already: end it with make down")
	}

	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errors.Wrap(err, "cannot make a directory")
	}

	_ = os.Remove(filepath.Join(dir, envFile))

	output, err := os.Create(filepath.Join(dir, outputFile))
	if err != nil {
		return errors.Wrap(err, "cannot make the server's output file")
	}
	defer output.Close() //nolint:errcheck // The server has its own descriptor.

	self, err := os.Executable()
	if err != nil {
		return errors.Wrap(err, "cannot find this program")
	}

	args := []string{"serve"}
	if u.Debug {
		args = append(args, "--debug")
	}

	for _, w := range u.Without {
		args = append(args, "--without="+w)
	}

	server := exec.Command(self, args...) //nolint:gosec,noctx // The server is to outlive this program.
	server.Stdout, server.Stderr = output, output
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}

	if err := server.Start(); err != nil {
		return errors.Wrap(err, "cannot start the server")
	}

	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()

	return follow(ctx, server, ended)
}

// follow copies the server's output until the stack is up or the server ends.
func follow(ctx context.Context, server *exec.Cmd, ended <-chan error) error {
	output, err := os.Open(filepath.Join(dir, outputFile))
	if err != nil {
		return errors.Wrap(err, "cannot read the server's output")
	}
	defer output.Close() //nolint:errcheck // Read only.

	t := time.NewTicker(checkInterval)
	defer t.Stop()

	for {
		_, _ = io.Copy(os.Stdout, output)

		if _, err := os.Stat(filepath.Join(dir, envFile)); err == nil {
			_, _ = io.Copy(os.Stdout, output)

			return nil
		}

		select {
		case <-ctx.Done():
			_ = server.Process.Signal(syscall.SIGTERM)
			<-ended //nolint:errcheck // It was told to end.

			return ctx.Err()
		case err := <-ended:
			_, _ = io.Copy(os.Stdout, output)

			return errors.Wrap(err, "the stack did not come up")
		case <-t.C:
		}
	}
}

// serve is what up leaves running.
type serve struct {
	Without []string
	Debug   bool
}

// Run holds a stack until it is told to end.
func (s *serve) Run(ctx context.Context) error {
	if err := writeServer(); err != nil {
		return err
	}

	defer os.Remove(filepath.Join(dir, serverFile)) //nolint:errcheck // A stale one is recognised as such.

	st, err := stack.Start(ctx, stack.Options{Out: os.Stdout, Without: s.Without, Debug: s.Debug})
	if err != nil {
		return err
	}
	defer st.Stop()

	kubeconfig, err := tekton.Tenant(ctx, st, tenant)
	if err != nil {
		return err
	}

	tpc, err := tekton.BuildTPC(ctx, st)
	if err != nil {
		return err
	}

	fmt.Print(instructions(st))

	if err := writeEnv(st, kubeconfig, tpc); err != nil {
		return err
	}
	defer os.Remove(filepath.Join(dir, envFile)) //nolint:errcheck // Nothing is left to do about it.

	<-ctx.Done()

	return nil
}

type down struct{}

// Run ends the stack that up has left, and returns when nothing of it is left.
func (*down) Run(ctx context.Context) error {
	id, err := readServer()
	if err != nil || !id.Running() {
		fmt.Println("no stack is up")

		return stack.Clear()
	}

	if err := syscall.Kill(id.PID, syscall.SIGTERM); err != nil {
		return errors.Wrap(err, "cannot signal the server")
	}

	t := time.NewTicker(checkInterval)
	defer t.Stop()

	for id.Running() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}

	fmt.Println("the stack is down")

	return stack.Clear()
}

func writeServer() error {
	id, err := process.Identify("server", os.Getpid())
	if err != nil {
		return err
	}

	b, err := json.Marshal(id)
	if err != nil {
		return errors.Wrap(err, "cannot encode the server's identity")
	}

	return errors.Wrap(os.WriteFile(filepath.Join(dir, serverFile), b, 0o600), "cannot write the server's identity")
}

func readServer() (process.Identity, error) {
	id := process.Identity{}

	b, err := os.ReadFile(filepath.Join(dir, serverFile))
	if err != nil {
		return id, errors.Wrap(err, "cannot read the server's identity")
	}

	err = json.Unmarshal(b, &id)

	return id, errors.Wrap(err, "cannot parse the server's identity")
}

// writeEnv writes what a shell needs to play with the stack. It appears whole, and
// only once the stack is up.
func writeEnv(s *stack.Stack, kubeconfig, tpc string) error {
	b := &strings.Builder{}

	for _, v := range []struct{ name, value string }{
		{"KUBECONFIG", kubeconfig},
		{"KONFLUX_KUBECONFIG", s.Konflux.AdminKubeconfig()},
		{"APPCI_KUBECONFIG", s.AppCI.AdminKubeconfig()},
		{"BUILD01_KUBECONFIG", s.Build01.AdminKubeconfig()},
		{"STACK_LOGS", s.Logs()},
	} {
		_, _ = fmt.Fprintf(b, "export %s='%s'\n", v.name, v.value)
	}

	_, _ = fmt.Fprintf(b, "export PATH='%s':\"$PATH\"\n", s.Path()+"/path")

	if err := components.Link(s.Path()+"/path", map[string]string{
		components.Kubectl: s.Binary(components.Kubectl),
		"tpc":              tpc,
	}); err != nil {
		return err
	}

	tmp := filepath.Join(dir, envFile+".tmp")
	if err := os.WriteFile(tmp, []byte(b.String()), 0o600); err != nil {
		return errors.Wrap(err, "cannot write the environment")
	}

	return errors.Wrap(os.Rename(tmp, filepath.Join(dir, envFile)), "cannot write the environment")
}

// instructions tell a user what to do with the stack.
func instructions(s *stack.Stack) string {
	b := &strings.Builder{}

	_, _ = fmt.Fprint(b, `
The stack is up. To play with it:

  source .stack/env
  tpc provision --filename examples/workflow/claim.yaml --wait
  tpc kubeconfig workflow --out workflow.kubeconfig
  kubectl --kubeconfig workflow.kubeconfig get namespaces
  tpc deprovision workflow --wait

  kubectl get testplatformclusters
  kubectl --kubeconfig "$APPCI_KUBECONFIG" get ephemeralclusters,prowjobs -A
  kubectl --kubeconfig "$BUILD01_KUBECONFIG" get pods -A
  ls "$STACK_LOGS"

`)

	for _, w := range s.Without {
		switch w {
		case stack.WithoutReconciler:
			_, _ = fmt.Fprintf(b, "To run the reconciler:\n\n  go run ./reconciler %s\n\n", strings.Join(s.ReconcilerArgs, " "))
		case stack.WithoutFunction:
			_, _ = fmt.Fprintf(b, "To run the function:\n\n  go run ./fn %s\n\n", strings.Join(s.Function.Args(), " "))
		}
	}

	_, _ = fmt.Fprint(b, "To end it: make down\n")

	return b.String()
}
