package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/xrd"
)

type breakingCmd struct {
	Old string `arg:""                                                         help:"File of the CRD as it was; - is standard input."`
	New string `arg:""                                                         help:"File of the CRD as it is to be; - is standard input."`
	All bool   `help:"Print every change, and exit 1 on any, breaking or not."`
}

// Help is what `gen breaking --help` says beyond its flags.
func (*breakingCmd) Help() string {
	return `Names the changes between two CRDs of EphemeralCluster for which a request that is
valid today would be refused or lose something: a version or field that is removed,
a field that is retyped or newly required, a limit or enum that is tightened, another
default. Two limits that cannot be ranked, such as two patterns, count as tightened.

To see what a branch breaks:

  go run ./gen breaking <(git show main:api/crd/ci.openshift.io_ephemeralclusters.yaml) \
    api/crd/ci.openshift.io_ephemeralclusters.yaml

Exits 0 when nothing breaks, 1 when something does, and 2 when it cannot be told.`
}

// Run compares two files.
func (c *breakingCmd) Run(k *kong.Context) error {
	was, err := readCRD(c.Old)
	if err != nil {
		return err
	}

	is, err := readCRD(c.New)
	if err != nil {
		return err
	}

	changes, err := xrd.Changes(was.CRD, is.CRD)
	if err != nil {
		return codeError{error: err, code: codeUnknown}
	}

	var lines []string

	for _, ch := range changes {
		if c.All || ch.Breaking {
			lines = append(lines, ch.String())
		}
	}

	if len(lines) == 0 {
		return nil
	}

	if _, err := fmt.Fprintln(k.Stdout, strings.Join(lines, "\n")); err != nil {
		return codeError{error: errors.Wrap(err, "cannot print"), code: codeUnknown}
	}

	what := "breaks what is valid by"
	if c.All {
		what = "is not the same as"
	}

	return codeError{error: errors.Errorf("%s %s %s", c.New, what, c.Old), code: codeDiffers}
}

func readCRD(path string) (*xrd.Source, error) {
	b, err := readInput(path)
	if err != nil {
		return nil, codeError{error: errors.Wrap(err, "cannot read CRD"), code: codeUnknown}
	}

	src, err := xrd.ParseSource(b)
	if err != nil {
		return nil, codeError{error: errors.Wrapf(err, "cannot parse %q", path), code: codeUnknown}
	}

	return src, nil
}
