package program

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// module writes a module of this one's name with a program that says its version, and
// the version's own sources.
func module(t *testing.T) string {
	t.Helper()

	version, err := os.ReadFile("../../internal/version/version.go")
	if err != nil {
		t.Fatal(err)
	}

	root := t.TempDir()

	for name, content := range map[string]string{
		"go.mod":                      "module github.com/ephemeral-clusters/ephemeral-clusters\n\ngo 1.26\n",
		"internal/version/version.go": string(version),
		"a/main.go": `package main

import (
	"os"

	"github.com/ephemeral-clusters/ephemeral-clusters/internal/version"
)

func main() { os.Stdout.WriteString(version.String()) }
`,
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return root
}

// ownSettings are what a user may have set for builds of their own, in the environment and,
// as `go env -w` does, in a file.
func ownSettings(t *testing.T) {
	t.Helper()

	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("CGO_ENABLED", "1")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOFIPS140", "latest")
	settingsFile(t, "GOEXPERIMENT=nodwarf5\n")
}

// settingsFile makes Go take settings from a file of its own.
func settingsFile(t *testing.T, content string) {
	t.Helper()

	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	t.Setenv("GOENV", file)
}

func TestBuild(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

	for _, to := range Platforms() {
		t.Run(to.String(), func(t *testing.T) {
			builds := make([][]byte, 2)

			for i := range builds {
				file := filepath.Join(t.TempDir(), "a")

				if i > 0 {
					ownSettings(t)
				}

				err := Builder{Root: module(t), Version: "v1.2.3"}.Build(t.Context(), Program{Name: "a", Package: "./a"}, to, file)
				if err != nil {
					t.Fatal(err)
				}

				content, err := os.ReadFile(filepath.Clean(file))
				if err != nil {
					t.Fatal(err)
				}

				builds[i] = content

				if to.OS == runtime.GOOS && to.Architecture == runtime.GOARCH {
					out, err := exec.CommandContext(t.Context(), file).Output()
					if diff := cmp.Diff("v1.2.3", string(out)); diff != "" || err != nil {
						t.Errorf("Build(...): want a program that knows its version, got error %v; -want, +got:\n%s", err, diff)
					}
				}
			}

			if !bytes.Equal(builds[0], builds[1]) {
				t.Error("Build(...): builds of the same sources, in two places and with other settings, differ")
			}

			f, err := elf.NewFile(bytes.NewReader(builds[0]))
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(machines[to.Architecture], f.Machine); diff != "" {
				t.Errorf("Build(...): -want, +got machine:\n%s", diff)
			}

			for _, p := range f.Progs {
				if p.Type == elf.PT_INTERP {
					t.Error("Build(...): want a static program: an image from scratch has no loader")
				}
			}
		})
	}
}

func TestBuildFails(t *testing.T) {
	err := Builder{Root: module(t)}.Build(t.Context(), Program{Name: "b", Package: "./b"}, v1.Platform{OS: "linux", Architecture: "amd64"}, filepath.Join(t.TempDir(), "b"))
	if err == nil || !strings.Contains(err.Error(), "cannot build b for linux/amd64") {
		t.Errorf("Build(...): want an error that names the program and the platform, got %v", err)
	}
}

func TestDownloadSettings(t *testing.T) {
	settingsFile(t, "GOPROXY=https://proxy.example\nGOAMD64=v3\n")
	t.Setenv("GOPROXY", "")
	t.Setenv("GOPRIVATE", "private.example")

	got, err := downloadSettings(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}

	for setting, want := range map[string]bool{
		"GOPROXY=https://proxy.example": true,
		"GOPRIVATE=private.example":     true,
		"GOAMD64=v3":                    false,
	} {
		if diff := cmp.Diff(want, slices.Contains(got, setting)); diff != "" {
			t.Errorf("downloadSettings(...): %s: -want, +got:\n%s", setting, diff)
		}
	}
}
