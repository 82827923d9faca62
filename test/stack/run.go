//go:build linux

package stack

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// BuildProgram builds a program of this checkout that is not of a release, and returns
// its path.
func (s *Stack) BuildProgram(ctx context.Context, name, goPackage string) (string, error) {
	path := filepath.Join(s.dir("bin"), name)

	return path, s.build(ctx, s.builder.Root, "-s -w", map[string]string{goPackage: path})
}

// build builds programs of a checkout, by their packages, as files of the stack's. They
// are built in the checkout: the Go tool links again only what has changed there since
// another stack was started.
func (s *Stack) build(ctx context.Context, root, linkerFlags string, programs map[string]string) error {
	dir := filepath.Join(root, "_output", "stack")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return errors.Wrap(err, "cannot make a directory for programs")
	}

	unlock, err := lockedfile.MutexAt(filepath.Join(dir, "lock")).Lock()
	if err != nil {
		return errors.Wrap(err, "cannot wait for another stack's build")
	}
	defer unlock()

	for goPackage, path := range programs {
		built := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(goPackage, "./"), "/", "-"))

		if err := s.runToEnd(ctx, "go-build", goBinary(), "-C", root, "build", "-ldflags", linkerFlags, "-o", built, goPackage); err != nil {
			return err
		}

		// It stays what it is when the checkout's is built anew.
		if err := copyProgram(built, path); err != nil {
			return errors.Wrapf(err, "cannot copy %s", goPackage)
		}
	}

	return nil
}

func copyProgram(from, to string) error {
	b, err := os.ReadFile(filepath.Clean(from))
	if err != nil {
		return err
	}

	return os.WriteFile(to, b, 0o700) //nolint:gosec // It is to be run.
}

func goBinary() string {
	path, err := exec.LookPath("go")
	if err != nil {
		return "go"
	}

	return path
}

func (s *Stack) without(what string) bool { return slices.Contains(s.Without, what) }

// debug adds the flag that Crossplane's programs and ours share.
func (s *Stack) debug(args []string) []string {
	if s.Debug {
		return append(args, "--debug")
	}

	return args
}

func (s *Stack) run(name, path string, args []string, env ...string) (*process.Process, error) {
	return s.group.Start(process.Command{Name: name, Path: path, Args: args, Env: env, Dir: s.builder.Root, Log: s.log(name)})
}

// runToEnd runs a program that ends by itself.
func (s *Stack) runToEnd(ctx context.Context, name, path string, args ...string) error {
	p, err := s.run(name, path, args)
	if err != nil {
		return err
	}

	err = p.Wait(ctx)
	if err == nil || ctx.Err() != nil {
		return err
	}

	return errors.Errorf("%s: %v\n%s", name, err, process.Tail(p.Log, logTail))
}

// waitHTTP waits until a process answers a request with success.
func (s *Stack) waitHTTP(ctx context.Context, p *process.Process, url string) error {
	return poll(ctx, func(ctx context.Context) error {
		select {
		case <-p.Done():
			return errors.Errorf("%s ended: %v\n%s", p.Name, p.Err(), process.Tail(p.Log, logTail))
		default:
		}

		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return errors.Wrap(err, "cannot make a request")
		}

		rsp, err := http.DefaultClient.Do(req)
		if err != nil {
			return notYetError{errors.Errorf("%s does not answer: %v\n%s", p.Name, err, process.Tail(p.Log, logTail))}
		}

		_ = rsp.Body.Close()

		if rsp.StatusCode != http.StatusOK {
			return notYetError{errors.Errorf("%s is not ready: %s\n%s", p.Name, rsp.Status, process.Tail(p.Log, logTail))}
		}

		return nil
	})
}

func (s *Stack) log(name string) string {
	return filepath.Join(s.Logs(), strings.ReplaceAll(name, "/", "-")+".log")
}
