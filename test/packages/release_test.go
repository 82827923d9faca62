//go:build e2e

package packages

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	spdxjson "github.com/spdx/tools-golang/json"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/definitions"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/release"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

const version = "v1.2.3"

// find returns a builder of components and Crossplane's CLI.
func find(t *testing.T) (*components.Builder, string) {
	t.Helper()

	b, err := components.NewBuilder(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}

	return b, component(t, b, components.CrossplaneCLI)
}

func component(t *testing.T, b *components.Builder, program string) string {
	t.Helper()

	for _, c := range slices.Concat(components.Stack(), components.Rendering()) {
		if c.Name != program {
			continue
		}

		paths, err := b.Ensure(t.Context(), []components.Component{c})
		if err != nil {
			t.Fatal(err)
		}

		return paths[program]
	}

	t.Fatalf("no component is called %s", program)

	return ""
}

// startRegistry serves an empty registry, and returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()

	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(srv.Close)

	return strings.TrimPrefix(srv.URL, "http://")
}

// copyOf copies the checkout, as it is now, to another directory.
func copyOf(t *testing.T, root string) string {
	t.Helper()

	cmd := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root

	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()

	for file := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, file))
		if os.IsNotExist(err) {
			continue
		}

		if err != nil {
			t.Fatal(err)
		}

		to := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(to, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return dir
}

func run(t *testing.T, program string, args ...string) string {
	t.Helper()

	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		exit := &exec.ExitError{}
		_ = errors.As(err, &exit)
		t.Fatalf("%s %v: %v\n%s", program, args, err, exit.Stderr)
	}

	return string(out)
}

// What is released is the same wherever it is built, is whole, and works once it was
// pulled from a registry.
func TestRelease(t *testing.T) {
	b, cli := find(t)

	r := &release.Release{
		Root: b.Root, Out: t.TempDir(), Version: version, Registry: startRegistry(t) + "/pushed",
		Source: source.State{Revision: strings.Repeat("a", 40), Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}

	elsewhere := *r
	elsewhere.Root, elsewhere.Out = copyOf(t, b.Root), t.TempDir()

	dir := filepath.Join(r.Out, "release")

	t.Run("Reproducible", func(t *testing.T) {
		sums := [2]string{}

		for i, r := range []*release.Release{r, &elsewhere} {
			dir := filepath.Join(r.Out, "release")

			start := time.Now()
			if err := r.Assets(t.Context(), dir); err != nil {
				t.Fatal(err)
			}

			t.Logf("built in %s", time.Since(start).Round(time.Second))

			content, err := os.ReadFile(filepath.Join(dir, release.ChecksumsFile))
			if err != nil {
				t.Fatal(err)
			}

			sums[i] = string(content)
		}

		if diff := cmp.Diff(sums[0], sums[1]); diff != "" {
			t.Errorf("Assets(...): builds in two places differ: -first, +second:\n%s", diff)
		}
	})

	t.Run("Files", func(t *testing.T) {
		want := []string{
			"CHANGELOG.md", "DIGESTS", "SHA256SUMS",
			"configuration-testplatform-cluster-claims.xpkg", "configuration-testplatform-cluster-claims.xpkg.spdx.json",
			"configuration-testplatform-cluster-v2.xpkg", "configuration-testplatform-cluster-v2.xpkg.spdx.json",
			"function-testplatform-cluster-linux-amd64.xpkg", "function-testplatform-cluster-linux-amd64.xpkg.spdx.json",
			"function-testplatform-cluster-linux-arm64.xpkg", "function-testplatform-cluster-linux-arm64.xpkg.spdx.json",
			"function-testplatform-cluster.oci.tar",
			"gen-darwin-amd64", "gen-darwin-amd64.spdx.json", "gen-darwin-arm64", "gen-darwin-arm64.spdx.json",
			"gen-linux-amd64", "gen-linux-amd64.spdx.json", "gen-linux-arm64", "gen-linux-arm64.spdx.json",
			"reconciler-linux-amd64.image.spdx.json", "reconciler-linux-arm64.image.spdx.json", "reconciler.oci.tar",
			"tasks/copy-secrets-to-ephemeral-cluster.yaml", "tasks/deprovision-ephemeral-cluster.yaml", "tasks/provision-ephemeral-cluster.yaml",
			"tasks.yaml",
			"tpc-darwin-amd64", "tpc-darwin-amd64.spdx.json", "tpc-darwin-arm64", "tpc-darwin-arm64.spdx.json",
			"tpc-linux-amd64", "tpc-linux-amd64.image.spdx.json", "tpc-linux-amd64.spdx.json",
			"tpc-linux-arm64", "tpc-linux-arm64.image.spdx.json", "tpc-linux-arm64.spdx.json",
			"tpc.oci.tar",
		}

		var got []string

		if err := fs.WalkDir(os.DirFS(dir), ".", func(file string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				got = append(got, file)
			}

			return err
		}); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Assets(...): -want, +got:\n%s", diff)
		}

		cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--quiet", "--strict", release.ChecksumsFile)
		cmd.Dir = dir

		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", release.ChecksumsFile, err, out)
		}

		sums, err := os.ReadFile(filepath.Join(dir, release.ChecksumsFile))
		if err != nil {
			t.Fatal(err)
		}

		for _, file := range got {
			if file != release.ChecksumsFile && !strings.Contains(string(sums), "  "+file+"\n") {
				t.Errorf("%s does not have %s", release.ChecksumsFile, file)
			}
		}
	})

	t.Run("Programs", func(t *testing.T) {
		for _, p := range program.ForPeople() {
			got := run(t, filepath.Join(dir, p.Name+"-"+runtime.GOOS+"-"+runtime.GOARCH), "--version")
			if diff := cmp.Diff(version+"\n", got); diff != "" {
				t.Errorf("%s --version: -want, +got:\n%s", p.Name, diff)
			}
		}
	})

	t.Run("Push", func(t *testing.T) { pushed(t, r, cli, dir) })
}

// pushed pushes a release that was built, and looks at what is pulled.
func pushed(t *testing.T, r *release.Release, cli, dir string) {
	t.Helper()

	as, err := r.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	announced, err := os.ReadFile(filepath.Join(dir, release.DigestsFile))
	if err != nil {
		t.Fatal(err)
	}

	byRepository := map[string]name.Digest{}
	lines := ""

	for _, a := range as {
		d, err := r.Push(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}

		byRepository[a.Repository] = d
		lines += r.Registry + "/" + a.Repository + ":" + version + "@" + d.DigestStr() + "\n"
	}

	api, err := definitions.OfCheckout(r.Root)
	if err != nil {
		t.Fatal(err)
	}

	lines += "api:" + version + "@" + api.Digest() + "\n"

	if diff := cmp.Diff(lines, string(announced)); diff != "" {
		t.Errorf("%s: -want as pushed, +got:\n%s", release.DigestsFile, diff)
	}

	runByTasks(t, dir, byRepository[program.CLI().Name])

	for _, api := range xpkg.APIs() {
		function := extract(t, cli, byRepository[xpkg.ConfigurationName(api)].String())[0].Spec.DependsOn[0]
		if diff := cmp.Diff(byRepository[v1alpha1.FunctionName].String(), function.Package+"@"+function.Version); diff != "" {
			t.Errorf("%s: -want the function as pushed, +got dependency:\n%s", xpkg.ConfigurationName(api), diff)
		}
	}

	for _, p := range program.WithImage() {
		d, ok := byRepository[p.Name]
		if !ok {
			t.Fatalf("%s was not pushed", p.Name)
		}

		// The function's package is its image, and more.
		index, err := remote.Index(d)
		if err != nil {
			t.Fatal(err)
		}

		if err := validate.Index(index); err != nil {
			t.Errorf("%s: what is pulled is not whole: %v", d, err)
		}

		img, err := remote.Image(d, remote.WithPlatform(v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH}))
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(version+"\n", run(t, entrypoint(t, img), "--version")); diff != "" {
			t.Errorf("%s --version: -want, +got:\n%s", d, diff)
		}
	}

	described(t, dir, byRepository)

	function := filepath.Join(dir, v1alpha1.FunctionName)
	for repository, files := range map[string][]string{
		v1alpha1.FunctionName:               {function + "-linux-amd64.xpkg", function + "-linux-arm64.xpkg"},
		xpkg.ConfigurationName(xpkg.Claims): {filepath.Join(dir, xpkg.ConfigurationName(xpkg.Claims)+xpkg.Extension)},
		xpkg.ConfigurationName(xpkg.V2):     {filepath.Join(dir, xpkg.ConfigurationName(xpkg.V2)+xpkg.Extension)},
	} {
		d := byRepository[repository]

		// Crossplane's own tool makes the same of the files.
		to := d.Context().Registry.Repo("cli", repository).Tag(version)
		run(t, cli, "xpkg", "push", "--package-files="+strings.Join(files, ","), to.String())

		theirs, err := remote.Head(to)
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(theirs.Digest.String(), d.DigestStr()); diff != "" {
			t.Errorf("%s: -as the CLI pushes it, +as we do:\n%s", repository, diff)
		}

		if meta := extract(t, cli, d.String())[0]; !strings.HasSuffix(repository, meta.Metadata.Name) || meta.Metadata.Labels["app.kubernetes.io/version"] != version {
			t.Errorf("%s: want its description with its version first, got %+v", repository, meta)
		}
	}
}

// described makes sure that documents of images and packages are about what is pulled.
func described(t *testing.T, dir string, pushed map[string]name.Digest) {
	t.Helper()

	want, got := map[string]bool{}, map[string]bool{}

	for _, d := range pushed {
		desc, err := remote.Get(d)
		if err != nil {
			t.Fatal(err)
		}

		if !desc.MediaType.IsIndex() {
			want[d.DigestStr()] = true

			continue
		}

		index, err := desc.ImageIndex()
		if err != nil {
			t.Fatal(err)
		}

		m, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}

		for _, platform := range m.Manifests {
			want[platform.Digest.String()] = true
		}
	}

	for _, extension := range []string{"xpkg", "image"} {
		files, err := filepath.Glob(filepath.Join(dir, "*."+extension+".spdx.json"))
		if err != nil {
			t.Fatal(err)
		}

		for _, file := range files {
			f, err := os.Open(filepath.Clean(file))
			if err != nil {
				t.Fatal(err)
			}

			d, err := spdxjson.Read(f)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}

			got["sha256:"+d.Packages[0].PackageChecksums[0].Value] = true
		}
	}

	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what documents describe: -want as pushed, +got:\n%s", diff)
	}
}

// runByTasks makes sure that each task of a release runs the image that was pushed.
func runByTasks(t *testing.T, dir string, pushed name.Digest) {
	t.Helper()

	want := pushed.String()

	all, err := os.ReadFile(filepath.Join(dir, release.TasksFile))
	if err != nil {
		t.Fatal(err)
	}

	docs := strings.Split(string(all), "\n---\n")
	if len(docs) != 3 {
		t.Errorf("%s: want 3 tasks, got %d", release.TasksFile, len(docs))
	}

	for _, doc := range docs {
		task := &pipelinev1.Task{}
		if err := yaml.UnmarshalStrict([]byte(doc), task); err != nil {
			t.Fatal(err)
		}

		own, err := os.ReadFile(filepath.Join(dir, release.TasksDir, task.GetName()+".yaml"))
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(strings.TrimRight(doc, "\n"), strings.TrimRight(string(own), "\n")); diff != "" {
			t.Errorf("task %s: -in %s, +in a file of its own:\n%s", task.GetName(), release.TasksFile, diff)
		}

		for _, s := range task.Spec.Steps {
			if diff := cmp.Diff(want, s.Image); diff != "" {
				t.Errorf("task %s: -want image as pushed, +got:\n%s", task.GetName(), diff)
			}
		}
	}
}

// entrypoint writes the program that an image runs to a file.
func entrypoint(t *testing.T, img v1.Image) string {
	t.Helper()

	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	r := mutate.Extract(img)
	defer r.Close() //nolint:errcheck // It was only read.

	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err != nil {
			t.Fatalf("no program %v in the image: %v", cfg.Config.Entrypoint, err)
		}

		if "/"+h.Name != cfg.Config.Entrypoint[0] {
			continue
		}

		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}

		file := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(file, content, h.FileInfo().Mode()); err != nil {
			t.Fatal(err)
		}

		return file
	}
}

// object is what a test looks at of an object in a package.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		DependsOn []struct {
			Package string `json:"package"`
			Version string `json:"version"`
		} `json:"dependsOn"`
	} `json:"spec"`
}

// extract returns what Crossplane's CLI finds in a package.
func extract(t *testing.T, cli, ref string) []object {
	t.Helper()

	file := filepath.Join(t.TempDir(), "package.gz")
	run(t, cli, "xpkg", "extract", ref, "--output="+file)

	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}

	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}

	if content, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}

	var os []object

	for doc := range strings.SplitSeq(string(content), "---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}

		o := object{}
		if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
			t.Fatal(err)
		}

		os = append(os, o)
	}

	return os
}
