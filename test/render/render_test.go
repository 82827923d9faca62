//go:build e2e

// Package render compares what the Composition makes of every example with a golden
// file, through Crossplane's own renderer and the function as a process.
package render

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	root = "../.."

	functions = `apiVersion: pkg.crossplane.io/v1
kind: Function
metadata:
  name: function-testplatform-cluster
  annotations:
    render.crossplane.io/runtime: Development
    render.crossplane.io/runtime-development-target: %s
spec:
  package: function-testplatform-cluster
`
)

func TestRender(t *testing.T) {
	paths := find(t)
	cli, core := paths[components.CrossplaneCLI], paths[components.CrossplaneCore]

	fns := filepath.Join(t.TempDir(), "functions.yaml")
	write(t, fns, fmt.Appendf(nil, functions, startFunction(t)))

	for _, c := range cases(t) {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{
				"composition", "render", c.xr, filepath.Join(root, "composition", c.api), fns,
				"--xrd=" + filepath.Join(root, "xrd", c.api),
				"--crossplane-binary=" + core, "--include-function-results",
				"--required-resources=" + filepath.Join(root, "examples", "environment.yaml"),
			}, c.args...)

			stderr := &bytes.Buffer{}
			cmd := exec.CommandContext(t.Context(), cli, args...)
			cmd.Stderr = stderr

			got, err := cmd.Output()
			if err != nil {
				t.Fatalf("crossplane %v: %v\n%s", args, err, stderr)
			}

			golden := filepath.Join("testdata", c.name+".yaml")
			if *update {
				write(t, golden, got)
			}

			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("cannot read the golden file, write it with -update: %v", err)
			}

			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s: -want, +got:\n%s", golden, diff)
			}
		})
	}
}

type renderCase struct {
	name string
	xr   string

	// api is the file of both the Composition and the XRD.
	api  string
	args []string
}

// cases are two for each example: as it is new, and with what is observed of it
// later.
func cases(t *testing.T) []renderCase {
	t.Helper()

	xrs, err := filepath.Glob(filepath.Join(root, "examples", "*", "xr.yaml"))
	if err != nil || len(xrs) == 0 {
		t.Fatalf("cannot find the examples: %v", err)
	}

	out := make([]renderCase, 0, 2*len(xrs))

	for _, xr := range xrs {
		dir := filepath.Dir(xr)
		name := filepath.Base(dir)

		api := "claims.yaml"
		if _, err := os.Stat(filepath.Join(dir, "claim.yaml")); err != nil {
			api = "v2.yaml"
		}

		observed := []string{"--observed-resources=" + filepath.Join(dir, "observed.yaml")}

		connection := filepath.Join(dir, "connection.yaml")
		if _, err := os.Stat(connection); err == nil {
			// The renderer reads connection Secrets from among the credentials.
			observed = append(observed, "--function-credentials="+connection)
		}

		out = append(out,
			renderCase{name: name + "-new", xr: xr, api: api},
			renderCase{name: name + "-observed", xr: xr, api: api, args: observed})
	}

	return out
}

// startFunction builds the function, starts it and returns where it listens.
func startFunction(t *testing.T) string {
	t.Helper()

	bin := filepath.Join(t.TempDir(), "function")

	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./fn")
	build.Dir = root

	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the function: %v\n%s", err, out)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)

	cmd := exec.CommandContext(ctx, bin, "--insecure", "--address=127.0.0.1:0", "--metrics-address=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start the function: %v", err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})

	// The first line says where.
	lines := bufio.NewScanner(stderr)
	serving := struct {
		Address string `json:"address"`
	}{}

	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &serving) != nil || serving.Address == "" {
		t.Fatalf("the function does not say where it serves: %q", lines.Text())
	}

	go func() {
		for lines.Scan() {
		}
	}()

	return serving.Address
}

// find returns the paths of components.
func find(t *testing.T) map[string]string {
	t.Helper()

	b, err := components.NewBuilder(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}

	paths, err := b.Ensure(t.Context(), slices.Concat(components.Stack(), components.Rendering()))
	if err != nil {
		t.Fatal(err)
	}

	return paths
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()

	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
