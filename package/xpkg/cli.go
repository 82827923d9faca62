package xpkg

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/mod/modfile"
)

const (
	// cliPin is the file, below a checkout's root, that says in which version it uses
	// Crossplane's CLI.
	cliPin = "test/tools/crossplane-cli/go.mod"

	// cliModule is the CLI's Go module.
	cliModule = "github.com/crossplane/cli/v2"
)

// CheckCLI refuses a CLI of Crossplane's of another version than a checkout pins: the same
// sources would give other packages.
func CheckCLI(ctx context.Context, root, cli string) error {
	if cli == "" {
		return errors.New("there is no CLI of Crossplane's to build packages with")
	}

	want, err := pinnedCLI(root)
	if err != nil {
		return err
	}

	out, err := exec.CommandContext(ctx, cli, "version", "--client").Output()
	if err != nil {
		return errors.Wrapf(err, "cannot ask %s for its version", cli)
	}

	// Releases come without the v that the module's versions start with.
	got := strings.TrimSpace(strings.TrimPrefix(string(out), "Client Version:"))
	if strings.TrimPrefix(got, "v") != strings.TrimPrefix(want, "v") {
		return errors.Errorf("%s is Crossplane's CLI %q, but %s has %s: packages are built with that", cli, got, cliPin, want)
	}

	return nil
}

func pinnedCLI(root string) (string, error) {
	b, err := os.ReadFile(filepath.Clean(filepath.Join(root, filepath.FromSlash(cliPin))))
	if err != nil {
		return "", errors.Wrap(err, "cannot tell which CLI of Crossplane's builds packages")
	}

	m, err := modfile.ParseLax(cliPin, b, nil)
	if err != nil {
		return "", errors.Wrap(err, "cannot tell which CLI of Crossplane's builds packages")
	}

	for _, r := range m.Require {
		if r.Mod.Path == cliModule {
			return r.Mod.Version, nil
		}
	}

	return "", errors.Errorf("%s does not require %s", cliPin, cliModule)
}
