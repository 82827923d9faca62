// Package packages builds the Crossplane packages that a local stack installs: ours,
// from programs that are built already, and provider-kubernetes, from its module.
package packages

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgmetav1 "github.com/crossplane/crossplane/apis/v2/pkg/meta/v1"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/image"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/publish"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/release"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/xpkg"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

const (
	// ProviderRepository is where provider-kubernetes is published, below a registry.
	ProviderRepository = "crossplane-contrib/provider-kubernetes"

	// OurRepository is what the repositories of our packages begin with, below a
	// registry.
	OurRepository = "ephemeral-clusters"
)

// A Builder builds packages and pushes them to a stack's registry.
type Builder struct {
	// Root of the checkout that our packages are built of.
	Root string

	// Components has the modules of components.
	Components *components.Builder

	// Dir is a directory for packages' files.
	Dir string

	// Registry is the address of the registry.
	Registry string

	// Version that our packages are stamped and tagged with.
	Version string
}

// Function pushes our function's package with a program that was built for this
// machine, or without one.
func (b Builder) Function(ctx context.Context, file string) (name.Digest, error) {
	img, err := b.image(file, v1alpha1.FunctionName)
	if err != nil {
		return name.Digest{}, err
	}

	p, err := xpkg.Function(b.Root, b.Version, img)
	if err != nil {
		return name.Digest{}, err
	}

	return b.push(ctx, p, OurRepository+"/"+v1alpha1.FunctionName, b.Version)
}

// OtherFunction pushes the package of a function that only tests use: it has nothing
// but a name.
func (b Builder) OtherFunction(ctx context.Context, function string) (name.Digest, error) {
	meta := &pkgmetav1.Function{
		TypeMeta:   metav1.TypeMeta{APIVersion: pkgmetav1.SchemeGroupVersion.String(), Kind: pkgmetav1.FunctionKind},
		ObjectMeta: metav1.ObjectMeta{Name: function},
	}

	return b.push(ctx, xpkg.Package{Meta: meta}, OurRepository+"/"+function, b.Version)
}

// Reconciler pushes the image of the reconciler, with a program that was built for this
// machine.
func (b Builder) Reconciler(ctx context.Context, file string) (name.Digest, error) {
	p := program.Reconciler()

	img, err := b.image(file, p.Name)
	if err != nil {
		return name.Digest{}, err
	}

	a, err := publish.Image(nil, img)
	if err != nil {
		return name.Digest{}, err
	}

	return b.publish(ctx, a, OurRepository+"/"+p.Name, b.Version)
}

// Configuration pushes the Configuration with an API. It depends on a function by its
// digest, and where everything of ours is published.
func (b Builder) Configuration(ctx context.Context, api xpkg.API, function name.Digest) (name.Digest, error) {
	published, err := name.NewRepository(release.Registry+"/"+v1alpha1.FunctionName, name.StrictValidation)
	if err != nil {
		return name.Digest{}, errors.Wrap(err, "cannot name a package")
	}

	p, err := xpkg.Configuration(b.Root, b.Version, api, published.Digest(function.DigestStr()), nil)
	if err != nil {
		return name.Digest{}, err
	}

	return b.push(ctx, p, OurRepository+"/"+xpkg.ConfigurationName(api), b.Version)
}

// Provider pushes provider-kubernetes' package with the program that the stack runs, or
// without it, tagged with the version of its module.
func (b Builder) Provider(ctx context.Context, file string) (name.Digest, error) {
	dir, err := b.Components.ModuleDir(ctx, components.ProviderKubernetesModule)
	if err != nil {
		return name.Digest{}, err
	}

	version, err := b.Components.ModuleVersion(ctx, components.ProviderKubernetesModule)
	if err != nil {
		return name.Digest{}, err
	}

	img, err := b.image(file, components.ProviderKubernetes)
	if err != nil {
		return name.Digest{}, err
	}

	p, err := xpkg.Directory(os.DirFS(filepath.Join(dir, "package")), &pkgmetav1.Provider{}, img)
	if err != nil {
		return name.Digest{}, err
	}

	return b.push(ctx, p, ProviderRepository, version)
}

// image of a program, or nil without one.
func (b Builder) image(file, as string) (v1.Image, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // There need not be one.
	}

	return image.New(file, as, v1.Platform{OS: runtime.GOOS, Architecture: runtime.GOARCH},
		image.Metadata{Title: as, Version: b.Version, Created: time.Unix(0, 0)})
}

func (b Builder) push(ctx context.Context, p xpkg.Package, repository, tag string) (name.Digest, error) {
	if err := os.MkdirAll(b.Dir, 0o750); err != nil {
		return name.Digest{}, errors.Wrap(err, "cannot make a directory for packages")
	}

	file := filepath.Join(b.Dir, p.Meta.GetName()+"-"+b.Version+xpkg.Extension)

	img, err := p.Build(ctx, file)
	if err != nil {
		return name.Digest{}, err
	}

	a, err := publish.Package(img)
	if err != nil {
		return name.Digest{}, err
	}

	return b.publish(ctx, a, repository, tag)
}

func (b Builder) publish(ctx context.Context, a publish.Artifact, repository, tag string) (name.Digest, error) {
	to, err := name.NewTag(b.Registry+"/"+repository+":"+tag, name.StrictValidation)
	if err != nil {
		return name.Digest{}, errors.Wrap(err, "cannot name a package")
	}

	return publish.Push(ctx, to, a)
}
