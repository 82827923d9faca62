// Package program compiles the programs that are delivered: static, without traces of
// the machine that compiles them, and with their version in them.
package program

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

// versionVariable is what the linker sets to the version.
const versionVariable = "github.com/ephemeral-clusters/ephemeral-clusters/internal/version.stamped"

// A Program is one that is delivered.
type Program struct {
	// Name of its file and, if it has one, of its image.
	Name string

	// Package of its sources, from the checkout's root.
	Package string

	// Description is a sentence for those who come across it in a registry.
	Description string
}

// Function makes EphemeralClusters of TestPlatformClusters, in its Crossplane package.
func Function() Program {
	return Program{
		Name:        v1alpha1.FunctionName,
		Package:     "./fn",
		Description: "Composition function that makes an EphemeralCluster on app.ci of a TestPlatformCluster.",
	}
}

// Reconciler makes ProwJobs of EphemeralClusters, on app.ci.
func Reconciler() Program {
	return Program{
		Name:        "reconciler",
		Package:     "./reconciler",
		Description: "Controller on app.ci that makes clusters out of EphemeralClusters.",
	}
}

// CLI is tpc, which asks for clusters from a terminal or from a pipeline's step.
func CLI() Program {
	return Program{
		Name:        "tpc",
		Package:     "./cli",
		Description: "Asks for ephemeral clusters, follows them and gives them back.",
	}
}

// Generator makes manifests and compares clusters with them. It has no image.
func Generator() Program {
	return Program{
		Name:        "gen",
		Package:     "./gen",
		Description: "Generates the manifests of all clusters, and tells how clusters differ from them.",
	}
}

// WithImage are the programs that have an image.
func WithImage() []Program { return []Program{Function(), Reconciler(), CLI()} }

// ForPeople are the programs that people run on machines of their own.
func ForPeople() []Program { return []Program{CLI(), Generator()} }

// Platforms that programs are built for.
func Platforms() []v1.Platform {
	return []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
}

// PlatformsOfPeople are those of the machines of people.
func PlatformsOfPeople() []v1.Platform {
	return append(Platforms(), v1.Platform{OS: "darwin", Architecture: "amd64"}, v1.Platform{OS: "darwin", Architecture: "arm64"})
}

// A Builder compiles programs of a checkout.
type Builder struct {
	// Root of the checkout.
	Root string

	// Version to stamp programs with.
	Version string
}

// LinkerFlags leave out of a program what only debuggers read, and stamp it with a
// version.
func LinkerFlags(version string) string { return "-s -w -X " + versionVariable + "=" + version }

// Build compiles a program for a platform, to a file.
func (b Builder) Build(ctx context.Context, p Program, to v1.Platform, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return errors.Wrap(err, "cannot find the working directory")
	}

	downloads, err := downloadSettings(ctx, b.Root)
	if err != nil {
		return err
	}

	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", //nolint:gosec // The arguments are ours.
		"-ldflags", LinkerFlags(b.Version), "-o", file, p.Package)
	cmd.Dir = b.Root

	// The user's own settings must not change what is built, those in Go's own file neither.
	cmd.Env = slices.Concat(os.Environ(), downloads, []string{
		"CGO_ENABLED=0", "GOOS=" + to.OS, "GOARCH=" + to.Architecture, "GOAMD64=v1", "GOARM64=v8.0",
		"GOENV=off", "GOEXPERIMENT=", "GOFIPS140=off", "GOFLAGS=-mod=readonly", "GOWORK=off",
	})

	out, err := cmd.CombinedOutput()

	return errors.Wrapf(err, "cannot build %s for %s\n%s", p.Name, to, out)
}

// downloadSettings are those of the user's settings of Go that only say where modules come
// from and are kept, as a program's environment.
func downloadSettings(ctx context.Context, root string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "-json",
		"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOVCS")
	cmd.Dir = root

	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Wrap(err, "cannot ask Go for its settings")
	}

	settings := map[string]string{}
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, errors.Wrap(err, "cannot read Go's settings")
	}

	env := make([]string, 0, len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		env = append(env, name+"="+settings[name])
	}

	return env, nil
}
