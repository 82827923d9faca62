// Package source tells which sources a checkout has.
package source

import (
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// EpochVariable names the environment variable that overrides the time of sources, in
// seconds of Unix time, as reproducible-builds.org has specified it.
const EpochVariable = "SOURCE_DATE_EPOCH"

// revisionLength is how much of a commit Go's versions of unreleased modules have.
const revisionLength = 12

// State is what the sources are.
type State struct {
	// Revision is the commit that is checked out.
	Revision string

	// Time of that commit, in UTC.
	Time time.Time

	// Changes are files that are not as in that commit, a line each, as git lists them.
	Changes string
}

// Read asks git about a checkout.
func Read(ctx context.Context, root string) (State, error) {
	head, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return State{}, err
	}

	// The user may have chosen not to be told of new files.
	changes, err := git(ctx, root, "status", "--porcelain", "--untracked-files=normal")
	if err != nil {
		return State{}, err
	}

	revision, seconds, _ := strings.Cut(head, " ")
	if s, ok := os.LookupEnv(EpochVariable); ok {
		seconds = s
	}

	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return State{}, errors.Wrap(err, "cannot read the time of the sources")
	}

	return State{Revision: revision, Time: time.Unix(unix, 0).UTC(), Changes: changes}, nil
}

// Version is a version for sources that were not released. It sorts before all that
// were, and by time.
func (s State) Version() string {
	v := module.PseudoVersion("v0", "", s.Time, s.Revision[:revisionLength])
	if s.Changes != "" {
		v += ".changed"
	}

	return v
}

// CheckRelease refuses sources that nobody else has: they cannot be released.
func (s State) CheckRelease() error {
	if s.Changes != "" {
		return errors.Errorf("the checkout has changes that are not committed:\n%s", s.Changes)
	}

	return nil
}

// CheckVersion refuses what is not a version. Build metadata is no part of one: its +
// cannot be in an image's tag.
func CheckVersion(version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return errors.Errorf("%q is not a version: give a semantic version such as v1.2.3 or v1.2.3-rc.1", version)
	}

	return nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // The arguments are ours.
	cmd.Dir = root
	stderr := &strings.Builder{}
	cmd.Stderr = stderr

	out, err := cmd.Output()

	return strings.TrimSpace(string(out)), errors.Wrapf(err, "cannot ask git about the sources: %s", strings.TrimSpace(stderr.String()))
}
