// Package xpkg builds Crossplane packages, with the library that Crossplane's own CLI
// builds them with: that of the function, with its program in it, and the Configurations
// that install everything that a Konflux cluster needs to offer TestPlatformCluster.
package xpkg

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xpkg"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xpkg/parser"
	"github.com/crossplane/crossplane-runtime/v2/pkg/xpkg/parser/examples"
	packageyaml "github.com/crossplane/crossplane-runtime/v2/pkg/xpkg/parser/yaml"
	xv1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/afero"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
)

const (
	// Extension of packages' files.
	Extension = ".xpkg"

	// metaFile describes a package.
	metaFile = "crossplane.yaml"

	// fileMode is that of packages.
	fileMode = 0o600

	// labelVersion of a package's description is the version it was built as.
	labelVersion = "app.kubernetes.io/version"
)

// An API is the form of TestPlatformCluster that a Configuration offers. Both forms
// have one CRD's name, so a cluster serves one of them.
type API string

// The forms of TestPlatformCluster.
const (
	// Claims are Crossplane 1's.
	Claims API = "claims"

	// V2 are Crossplane 2's namespaced composites.
	V2 API = "v2"
)

// APIs that there is a Configuration of.
func APIs() []API { return []API{Claims, V2} }

// ConfigurationName is the name of an API's Configuration package.
func ConfigurationName(a API) string { return "configuration-testplatform-cluster-" + string(a) }

// A Package is what a Crossplane package is built of.
type Package struct {
	// Meta describes it.
	Meta pkgmetav1.Pkg

	// Manifests are what it installs, as YAML, by name.
	Manifests map[string][]byte

	// Base is the image that the package's content is added to. A package that runs
	// a program is that program's image and more.
	Base v1.Image
}

// Function is the package of the function of a checkout. The image has the function's
// program; without one, somebody else has to run it.
func Function(root, version string, img v1.Image) (Package, error) {
	dir := filepath.Join(root, "package", "function")
	meta := &pkgmetav1.Function{}

	if err := read(filepath.Join(dir, metaFile), meta); err != nil {
		return Package{}, err
	}

	stamp(meta, version)

	input, err := readAll(os.DirFS(filepath.Join(dir, "input")))

	return Package{Meta: meta, Manifests: input, Base: img}, errors.Wrap(err, "cannot read the schema of the function's input")
}

// Configuration is the package with an API of a checkout. It depends on one function, where
// that is published, by its digest. Crossplane cannot hold that against a function that was
// installed by its version.
func Configuration(root, version string, api API, function name.Digest, base v1.Image) (Package, error) {
	meta := &pkgmetav1.Configuration{}

	if err := read(filepath.Join(root, "package", string(api), metaFile), meta); err != nil {
		return Package{}, err
	}

	stamp(meta, version)

	composition := &xv1.Composition{}
	if err := read(filepath.Join(root, "composition", string(api)+".yaml"), composition); err != nil {
		return Package{}, err
	}

	for i := range meta.Spec.DependsOn {
		d := &meta.Spec.DependsOn[i]
		if d.Kind == nil || d.Package == nil || *d.Kind != pkgv1.FunctionKind {
			continue
		}

		*d.Package, d.Version = function.Context().Name(), function.DigestStr()

		if err := callDependency(composition, *d.Package); err != nil {
			return Package{}, err
		}
	}

	manifests := map[string][]byte{}

	for name, file := range map[string]string{
		"activation.yaml": filepath.Join(root, "package", "activation.yaml"),
		"definition.yaml": filepath.Join(root, "xrd", string(api)+".yaml"),
	} {
		content, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			return Package{}, errors.Wrap(err, "cannot read a manifest of a package")
		}

		manifests[name] = content
	}

	var err error
	manifests["composition.yaml"], err = yaml.Marshal(composition)

	return Package{Meta: meta, Manifests: manifests, Base: base}, errors.Wrap(err, "cannot write the Composition")
}

// callDependency makes a Composition call the function by the name that Crossplane
// gives a Function that it installs because something depends on it.
func callDependency(c *xv1.Composition, pkg string) error {
	name, err := DependencyName(pkg)

	for i := range c.Spec.Pipeline {
		if ref := &c.Spec.Pipeline[i].FunctionRef; ref.Name == v1alpha1.FunctionName {
			ref.Name = name
		}
	}

	return err
}

// DependencyName is what Crossplane calls a package that it installs because something
// depends on it: the repository's path as a DNS label.
func DependencyName(pkg string) (string, error) {
	repo, err := name.NewRepository(pkg, name.StrictValidation)
	if err != nil {
		return "", errors.Wrapf(err, "not a package's name: %q", pkg)
	}

	label := strings.NewReplacer("/", "-", ".", "-").Replace(repo.RepositoryStr())
	if wrong := validation.IsDNS1123Label(label); len(wrong) > 0 {
		return "", errors.Errorf("Crossplane would call %s %q: %s", pkg, label, wrong[0])
	}

	return label, nil
}

// Directory is a package of somebody else's, whose files are below a directory: what
// describes it, and manifests.
func Directory(dir fs.FS, meta pkgmetav1.Pkg, base v1.Image) (Package, error) {
	manifests, err := readAll(dir)
	if err != nil {
		return Package{}, errors.Wrap(err, "cannot read a package's directory")
	}

	if err := yaml.UnmarshalStrict(manifests[metaFile], meta); err != nil {
		return Package{}, errors.Wrap(err, "cannot read a package's description")
	}

	delete(manifests, metaFile)

	return Package{Meta: meta, Manifests: manifests, Base: base}, nil
}

// Build writes a package to a file and returns what the file has in it, which is read
// from there as it is needed.
func (p Package) Build(ctx context.Context, file string) (v1.Image, error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}

	objects, err := packageyaml.New()
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse packages")
	}

	// There are no examples: their directory does not exist.
	builder := xpkg.New(
		parser.NewFsBackend(files, parser.FsDir("/package"), parser.FsFilters(parser.SkipDirs(), parser.SkipNotYAML(), parser.SkipEmpty())),
		parser.NewFsBackend(files, parser.FsDir("/examples")),
		objects, examples.New(),
	)

	var opts []xpkg.BuildOpt
	if p.Base != nil {
		opts = append(opts, xpkg.WithBase(p.Base))
	}

	img, _, err := builder.Build(ctx, opts...)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot build package %s", p.Meta.GetName())
	}

	if err := write(file, img); err != nil {
		return nil, errors.Wrapf(err, "cannot write package %s", p.Meta.GetName())
	}

	img, err = tarball.ImageFromPath(file, nil)

	return img, errors.Wrapf(err, "cannot read package %s", p.Meta.GetName())
}

// files are the package's, as the library reads them.
func (p Package) files() (afero.Fs, error) {
	files := afero.NewMemMapFs()

	meta, err := yaml.Marshal(p.Meta)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot describe package %s", p.Meta.GetName())
	}

	if err := afero.WriteFile(files, "/package/"+metaFile, meta, fileMode); err != nil {
		return nil, errors.Wrapf(err, "cannot describe package %s", p.Meta.GetName())
	}

	for name, content := range p.Manifests {
		if err := afero.WriteFile(files, path.Join("/package", name), content, fileMode); err != nil {
			return nil, errors.Wrapf(err, "cannot add a manifest to package %s", p.Meta.GetName())
		}
	}

	return files, nil
}

// write writes an image to a file. The tarball has no tag, as those of Crossplane's have none.
func write(file string, img v1.Image) error {
	f, err := os.OpenFile(filepath.Clean(file), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}

	return errors.Join(tarball.Write(nil, img, f), f.Close())
}

func read(file string, into any) error {
	content, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return errors.Wrap(err, "cannot read what a package is built of")
	}

	return errors.Wrapf(yaml.UnmarshalStrict(content, into), "cannot read what a package is built of: %s", file)
}

// readAll reads all YAML files below a directory.
func readAll(dir fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}

	return files, fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}

		files[name], err = fs.ReadFile(dir, name)

		return err
	})
}

func stamp(meta pkgmetav1.Pkg, version string) {
	meta.SetLabels(map[string]string{labelVersion: version})
}
