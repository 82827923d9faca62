// Command build makes what is delivered: images, Crossplane packages and releases.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/ephemeral-clusters/ephemeral-clusters/package/program"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/release"
	"github.com/ephemeral-clusters/ephemeral-clusters/package/source"
)

type cli struct {
	Images  imagesCmd  `cmd:"" help:"Build the programs' images, as OCI layouts."`
	Package packageCmd `cmd:"" help:"Build the Crossplane packages."`
	Push    pushCmd    `cmd:"" help:"Build images and packages and push them to a registry."`
	Release releaseCmd `cmd:"" help:"Build everything that makes up a release."`
}

// flags are those of all commands.
type flags struct {
	Root    string `default:"."                                                                          help:"Root of the checkout."  placeholder:"DIR"`
	Out     string `default:"_output"                                                                    help:"Directory to build in." placeholder:"DIR"`
	Version string `help:"Version to build, such as v1.2.3; by default made of the commit and its time." placeholder:"VERSION"`
}

// registryFlag is that of the commands that push nothing.
type registryFlag struct {
	Registry string `default:"${registry}" help:"Registry that this is built to be pushed to, and what repositories there begin with." placeholder:"HOST/PATH"`
}

func (f flags) release(ctx context.Context) (*release.Release, error) {
	s, err := source.Read(ctx, f.Root)
	if err != nil {
		return nil, err
	}

	version := f.Version
	if version == "" {
		version = s.Version()
	} else if err := s.CheckRelease(); err != nil {
		return nil, errors.Wrapf(err, "these sources are not %s", version)
	}

	return &release.Release{Root: f.Root, Out: f.Out, Version: version, Source: s}, source.CheckVersion(version)
}

// published is what is published in a registry.
func (f flags) published(ctx context.Context, registry string) (*release.Release, error) {
	if _, err := name.NewRepository(registry+"/"+program.CLI().Name, name.StrictValidation); err != nil {
		return nil, errors.Wrapf(err, "%q is not a registry: give one such as quay.io/my-org", registry)
	}

	r, err := f.release(ctx)
	if err != nil {
		return nil, err
	}

	r.Registry = registry

	return r, nil
}

type imagesCmd struct{ flags }

// Run builds the images.
func (c *imagesCmd) Run(ctx context.Context) error {
	r, err := c.release(ctx)
	if err != nil {
		return err
	}

	as, err := r.Images(ctx)
	if err != nil {
		return err
	}

	return list(r, as)
}

type packageCmd struct {
	flags
	registryFlag
}

// Run builds the packages.
func (c *packageCmd) Run(ctx context.Context) error {
	r, err := c.published(ctx, c.Registry)
	if err != nil {
		return err
	}

	as, err := r.Packages(ctx)
	if err != nil {
		return err
	}

	return list(r, as)
}

type pushCmd struct {
	flags

	Registry string `help:"Registry, and what repositories there begin with." placeholder:"HOST/PATH" required:""`
}

// Run pushes everything.
func (c *pushCmd) Run(ctx context.Context) error {
	r, err := c.published(ctx, c.Registry)
	if err != nil {
		return err
	}

	as, err := r.All(ctx)
	if err != nil {
		return err
	}

	// None is pushed before all may be.
	if err := r.CheckPush(ctx, as); err != nil {
		return err
	}

	for _, a := range as {
		d, err := r.Push(ctx, a)
		if err != nil {
			return err
		}

		fmt.Println(d)
	}

	return nil
}

type releaseCmd struct {
	flags
	registryFlag
}

// Run builds a release.
func (c *releaseCmd) Run(ctx context.Context) error {
	// Not even a version that is made of the commit is one that somebody has chosen.
	if err := source.CheckVersion(c.Version); err != nil {
		return err
	}

	r, err := c.published(ctx, c.Registry)
	if err != nil {
		return err
	}

	if err := r.Assets(ctx, r.Dir()); err != nil {
		return err
	}

	fmt.Println(r.Dir())

	return nil
}

// list prints the digest of each artifact.
func list(r *release.Release, as []release.Artifact) error {
	for _, a := range as {
		digest, err := a.Content.Digest()
		if err != nil {
			return errors.Wrapf(err, "cannot tell the digest of %s", a.Repository)
		}

		fmt.Printf("%s:%s@%s\n", a.Repository, r.Version, digest)
	}

	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	k := kong.Parse(&cli{},
		kong.Name("build"),
		kong.Description("Builds what is delivered: images, Crossplane packages and releases."),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Vars{"registry": release.Registry},
	)
	k.FatalIfErrorf(k.Run())
}
