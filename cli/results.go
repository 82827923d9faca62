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

// checkResults makes sure that there will be a place for the results.
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

	return nil
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
