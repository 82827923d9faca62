package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// configPaths are the flags of the commands that read the environments.
type configPaths struct {
	Root   string `default:"."                            help:"Root of the checkout."                          placeholder:"DIR"`
	File   string `default:"gen/environments.yaml"        help:"File with the environments, below the root."    placeholder:"FILE"`
	Schema string `default:"gen/environments.schema.json" help:"File to write the JSON schema of that to."      placeholder:"FILE"`
	Out    string `default:"deploy"                       help:"Directory to write the clusters' manifests to." placeholder:"DIR"`
}

func (p configPaths) paths() config.Paths {
	return config.Paths{Root: p.Root, File: p.File, Schema: p.Schema, Out: p.Out}
}

type configCmd struct {
	configPaths

	Check bool `help:"Write nothing; name the files that are not as they would be written, and fail when there are any."`
}

// Help is what `gen config --help` says beyond its flags.
func (*configCmd) Help() string {
	return `Files that were generated once and are no longer are removed. What people wrote
in the directory, such as its README.md, is left alone. Nothing is written where that
would cut a cluster off from app.ci: deploy/README.md has the steps to another credential.`
}

// Run generates the manifests, or checks them.
func (c *configCmd) Run(k *kong.Context) error {
	p := c.paths()

	files, err := config.Generate(p)
	if err != nil {
		return err
	}

	if !c.Check {
		return c.write(p, files)
	}

	problems, err := config.Check(p, files)
	if err != nil {
		return err
	}

	for _, l := range problems {
		if _, err := fmt.Fprintln(k.Stdout, l); err != nil {
			return errors.Wrap(err, "cannot print")
		}
	}

	if len(problems) > 0 {
		return errors.Errorf("generated files are stale or were edited; renew them with %q", manifest.Command)
	}

	return nil
}

func (c *configCmd) write(p config.Paths, files []manifest.File) error {
	problems, err := config.CutOff(p, files)
	if err != nil {
		return err
	}

	if len(problems) > 0 {
		return errors.Errorf("nothing is written:\n%s", strings.Join(problems, "\n"))
	}

	return config.Write(p, files)
}
