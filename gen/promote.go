package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

type promoteCmd struct {
	configPaths

	From string `arg:"" help:"Environment to take the versions of, or checkout, for what this checkout was released as."`
	To   string `arg:"" help:"Environment to give them to, or app.ci."`

	Release string `help:"With checkout: version of the release, such as v1.2.3."                                                     placeholder:"VERSION"`
	Digest  string `help:"With checkout: digest of the function's package or, for app.ci, of the reconciler's image, of the release." placeholder:"sha256:..."`
	API     string `help:"With checkout: digest of the definitions of the release, which have to be the checkout's."                  placeholder:"sha256:..."`

	Only string `default:"" enum:",function,provider" help:"Between environments: promote only the function, with the definitions that it was released with, or only the provider." placeholder:"PART"`

	SkipStages bool `help:"Promote to another environment than the next one."`
	Downgrade  bool `help:"Let an older version take the place of a newer one."`
}

// Help is what `gen promote --help` says beyond its flags.
func (*promoteCmd) Help() string {
	return `Versions are moved in the file with the environments, which otherwise stays as it
is, and the manifests are generated anew. A cluster that has versions of its own
keeps them.

A release goes to app.ci first, because the CRD there must take whatever an XRD
takes, and then through the environments in the order of the file. Its digests are in
its DIGESTS, and its definitions are taken from this checkout, which has to be that of
the release:

    gen promote checkout app.ci --release=v1.2.3 --digest=sha256:<reconciler> --api=sha256:<api>
    gen promote checkout development --release=v1.2.3 --digest=sha256:<function> --api=sha256:<api>
    gen promote development staging
    gen promote staging production

The provider is not released from here: the first environment has the version that is
tested, and others get it from there, by itself with --only=provider.

To pass over an environment, and to take one back to an older version, is refused
unless a flag says that it is meant.`
}

// Validate refuses arguments that do not go together.
func (c *promoteCmd) Validate() error {
	released := c.Release != "" && c.Digest != "" && c.API != ""

	switch {
	case c.From == environments.Checkout && !released:
		return errors.New("--release, --digest and --api say what the checkout was released as: DIGESTS of the release has them")
	case c.From != environments.Checkout && (c.Release != "" || c.Digest != "" || c.API != ""):
		return errors.New("--release, --digest and --api are for promoting from checkout: an environment knows what it runs")
	case c.From == environments.Checkout && c.Only != "":
		return errors.New("--only is for promoting between environments: a release has a function and no provider")
	case c.From != environments.Checkout && c.To == environments.AppCIName:
		return errors.New("only what was released from a checkout goes to app.ci")
	}

	return nil
}

// Run moves versions, generates anew, and says what was moved. When the outcome cannot
// be generated, nothing is changed.
func (c *promoteCmd) Run(k *kong.Context) error {
	p := c.paths()
	path := filepath.Join(p.Root, p.File)

	before, err := os.ReadFile(path) //nolint:gosec // The path is a flag of the one who runs this.
	if err != nil {
		return errors.Wrap(err, "cannot read environments")
	}

	after, moves, err := c.promote(p, before)
	if err != nil {
		return err
	}

	if len(moves) == 0 {
		_, err := fmt.Fprintf(k.Stdout, "%s has what %s has already\n", c.To, c.From)

		return errors.Wrap(err, "cannot print")
	}

	files, err := config.GenerateFrom(p, after)
	if err != nil {
		return err
	}

	if err := os.WriteFile(path, after, modeFile); err != nil { //nolint:gosec // As above.
		return errors.Wrap(err, "cannot write environments")
	}

	if err := config.Write(p, files); err != nil {
		return err
	}

	for _, m := range moves {
		if _, err := fmt.Fprintln(k.Stdout, m); err != nil {
			return errors.Wrap(err, "cannot print")
		}
	}

	return nil
}

func (c *promoteCmd) promote(p config.Paths, b []byte) ([]byte, []environments.Move, error) {
	o := environments.Options{Only: c.Only, Skip: c.SkipStages, Downgrade: c.Downgrade}

	if c.From != environments.Checkout {
		return environments.Promote(b, c.From, c.To, o)
	}

	digest, err := config.CheckoutDigest(p)
	if err != nil {
		return nil, nil, err
	}

	if digest != c.API {
		return nil, nil, errors.Errorf("the definitions of this checkout are %s, but %s was released with %s: check out %s", digest, c.Release, c.API, c.Release)
	}

	return environments.PromoteRelease(b, environments.Published{
		Release: environments.Release{Version: c.Release, Digest: c.Digest},
		API:     digest,
	}, c.To, o)
}
