package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

const (
	// crdName is the name of the CRD of EphemeralCluster.
	crdName = "ephemeralclusters." + v1.Group

	// stdin as the name of a file.
	stdin = "-"

	modeDir  = 0o755
	modeFile = 0o644
)

type xrdCmd struct {
	CRD     string `default:"api/crd/ci.openshift.io_ephemeralclusters.yaml"                               help:"File of the CRD; - reads it from standard input." placeholder:"FILE"`
	Context string `help:"Read the CRD from the cluster of this kubeconfig context instead."               placeholder:"CONTEXT"`
	Out     string `default:"xrd"                                                                          help:"Directory to write to."                           placeholder:"DIR"`
	Check   bool   `help:"Write nothing; fail when what is in the directory is not what would be written."`

	Versions              map[string]string `default:"v1=v1alpha1"                       help:"Names of the XRD's versions, by the CRD's."`
	Composition           string            `default:"testplatform-ephemeral-cluster"    help:"Composition of claims."`
	NamespacedComposition string            `default:"testplatform-ephemeral-cluster-v2" help:"Composition of namespaced composites."`
}

// Run generates the XRDs, or checks them.
func (c *xrdCmd) Run(ctx context.Context, k *kong.Context) error {
	in, err := c.read(ctx)
	if err != nil {
		return err
	}

	src, err := xrd.ParseSource(in)
	if err != nil {
		return errors.Wrap(err, "cannot parse input")
	}

	files, err := xrd.Generate(ctx, src, xrd.Options{
		Versions:              c.Versions,
		Composition:           c.Composition,
		NamespacedComposition: c.NamespacedComposition,
	}, c.command(k.Args))
	if err != nil {
		return err
	}

	if c.Check {
		return c.check(k.Stdout, files, c.command(k.Args))
	}

	return write(c.Out, files)
}

func (c *xrdCmd) read(ctx context.Context) ([]byte, error) {
	if c.Context != "" {
		client, err := live.Client(c.Context)
		if err != nil {
			return nil, err
		}

		return live.Definition(ctx, client, live.CRDs(), crdName)
	}

	if c.CRD == stdin {
		b, err := io.ReadAll(os.Stdin)

		return b, errors.Wrap(err, "cannot read standard input")
	}

	b, err := os.ReadFile(c.CRD)

	return b, errors.Wrap(err, "cannot read CRD")
}

// command is what generates, also when it is only checked what it would.
func (c *xrdCmd) command(args []string) string {
	words := []string{"go", "run", "./gen"}

	for _, a := range args {
		if !strings.HasPrefix(a, "--check") {
			words = append(words, a)
		}
	}

	return strings.Join(words, " ")
}

func (c *xrdCmd) check(out io.Writer, files []xrd.File, command string) error {
	stale := false

	for _, f := range files {
		path := filepath.Join(c.Out, f.Name)

		have, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return errors.Wrap(err, "cannot read generated file")
		}

		want := f.Content

		// How a cluster writes its CRD, and that it is read from there, is no difference.
		if c.Context != "" || c.CRD == stdin {
			have, want = xrd.WithoutHeader(have), xrd.WithoutHeader(want)
		}

		lines, err := xrd.Stale(have, want)
		if err != nil {
			return errors.Wrapf(err, "cannot compare %q", path)
		}

		for _, l := range lines {
			stale = true

			if _, err := fmt.Fprintf(out, "%s: %s\n", path, l); err != nil {
				return errors.Wrap(err, "cannot print")
			}
		}
	}

	if stale {
		return errors.Errorf("generated files are stale; renew them with %q", command)
	}

	return nil
}

// write leaves a file that need not change untouched.
func write(dir string, files []xrd.File) error {
	if err := os.MkdirAll(dir, modeDir); err != nil {
		return errors.Wrap(err, "cannot make output directory")
	}

	for _, f := range files {
		path := filepath.Join(dir, f.Name)

		if have, err := os.ReadFile(filepath.Clean(path)); err == nil && bytes.Equal(have, f.Content) {
			continue
		}

		if err := os.WriteFile(path, f.Content, modeFile); err != nil {
			return errors.Wrap(err, "cannot write generated file")
		}
	}

	return nil
}
