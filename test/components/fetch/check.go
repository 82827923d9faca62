package fetch

import (
	"context"
	"debug/buildinfo"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// answerTimeout is how long a program may take to tell its version.
const answerTimeout = 30 * time.Second

// check finds out whether a program is of its version, and can be run.
func check(ctx context.Context, p Program, file string) error {
	if len(p.Ask) == 0 {
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return errors.Wrap(err, "cannot tell what it was built from")
		}

		return checkBuild(p, info)
	}

	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()

	cmd := exec.CommandContext(ctx, file, p.Ask...) //nolint:gosec // To run it is what it is for.
	// It is to find no one's configuration.
	cmd.Env = []string{"HOME=" + filepath.Dir(file)}

	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.Wrapf(err, "it does not tell its version, but says %q", out)
	}

	if !says(string(out), p.Version) {
		return errors.Errorf("it is not %s, but says %q", p.Version, out)
	}

	return nil
}

// says is whether one word is the version, with or without its v.
func says(answer, version string) bool {
	words := strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(" \t\n,;\"'()", r) })

	return slices.ContainsFunc(words, func(w string) bool {
		return strings.TrimPrefix(w, "v") == strings.TrimPrefix(version, "v")
	})
}

// checkBuild compares what Go notes in a program that was built within its repository. The mark of
// changed files is left by releases that write files before they build.
func checkBuild(p Program, info *debug.BuildInfo) error {
	if version := strings.TrimSuffix(info.Main.Version, "+dirty"); info.Main.Path != p.Module || version != p.Version {
		return errors.Errorf("it is not %s %s, but was built from %q %q", p.Module, p.Version, info.Main.Path, info.Main.Version)
	}

	for _, s := range info.Settings {
		if s.Key == "GOOS" && s.Value != runtime.GOOS || s.Key == "GOARCH" && s.Value != runtime.GOARCH {
			return errors.Errorf("it was built for %s %q", s.Key, s.Value)
		}
	}

	return nil
}
