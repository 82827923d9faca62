package main

import (
	"os"
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/request"
)

// Files of a results directory, as Tekton names the results of the task.
const (
	resultSecret    = "secretRef"
	resultName      = "testPlatformClusterClaimName"
	resultNamespace = "testPlatformClusterClaimNamespace"
)

// checkResults makes sure that the results can be written, by writing nothing to each.
func (c *provisionCmd) checkResults() request.UsageErrors {
	if c.ResultsDir == "" {
		return nil
	}

	info, err := os.Stat(c.ResultsDir)

	switch {
	case err != nil:
		return request.Usage("--results-dir", err.Error())
	case !info.IsDir():
		return request.Usage("--results-dir", "must be a directory")
	}

	for _, name := range []string{resultSecret, resultName, resultNamespace} {
		if err := tryWrite(filepath.Join(c.ResultsDir, name)); err != nil {
			return request.Usage("--results-dir", err.Error())
		}
	}

	return nil
}

// tryWrite finds out whether a file can be written, and leaves things as they are.
func tryWrite(file string) error {
	_, err := os.Lstat(file)
	added := errors.Is(err, os.ErrNotExist)

	f, err := os.OpenFile(filepath.Clean(file), os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // As the results are.
	if err != nil {
		return err
	}

	err = f.Close()

	if added {
		return errors.Join(err, os.Remove(file))
	}

	return err
}

func (c *provisionCmd) writeResults(s cluster.State) error {
	if c.ResultsDir == "" {
		return nil
	}

	for _, f := range []struct{ name, content string }{
		{resultSecret, s.Secret},
		{resultName, s.Name},
		{resultNamespace, s.Namespace},
	} {
		// Whoever collects them need not be who runs this.
		if err := os.WriteFile(filepath.Join(c.ResultsDir, f.name), []byte(f.content), 0o644); err != nil { //nolint:gosec // See above.
			return errors.Wrap(err, "cannot write results")
		}
	}

	return nil
}
