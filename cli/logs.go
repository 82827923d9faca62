package main

import (
	"context"
	"net/url"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
)

type logsCmd struct {
	Name string `arg:"" help:"Name of the TestPlatformCluster."`
}

// Help is what `tpc logs --help` says beyond its flags.
func (*logsCmd) Help() string {
	return `The logs are OpenShift CI's, where you may need to log in. The page of the ProwJob shows the log of ci-operator,
which tells which step has failed. Its artifacts have the logs of each step, when that has ended.`
}

// places are where logs are.
type places struct {
	ProwJobURL string `json:"prowJobURL"`
	ProwJobID  string `json:"prowJobId,omitempty"`
	Storage    string `json:"storage,omitempty"`
	Steps      string `json:"steps,omitempty"`
}

// Run tells where the logs are.
func (c *logsCmd) Run(ctx context.Context, w *world) error {
	t, err := w.connect()
	if err != nil {
		return err
	}

	u, err := t.Get(ctx, c.Name)
	if err != nil {
		return err
	}

	s := cluster.From(u)

	switch {
	case s.ProwJobURL == "" && s.Failure != nil:
		return errors.Wrap(&failedError{name: s.Name, failure: s.Failure}, "there are no logs")
	case s.ProwJobURL == "" && s.WaitingFor != "":
		return errors.Errorf("there are no logs yet: %s is waiting for %s", s.Name, s.WaitingFor)
	case s.ProwJobURL == "":
		return errors.Errorf("there are no logs: %s has no ProwJob", s.Name)
	}

	p := places{ProwJobURL: s.ProwJobURL, ProwJobID: s.ProwJobID, Storage: storage(s.ProwJobURL)}
	if p.Storage != "" {
		p.Steps = p.Storage + "/artifacts/" + v1.TestName
	}

	rows := [][]string{{"ProwJob:", p.ProwJobURL}}
	if p.Storage != "" {
		rows = append(rows, []string{"Storage:", p.Storage}, []string{"Steps:", p.Steps})
	}

	return errors.Join(w.table(rows), w.record(p))
}

// storage returns the bucket and path that a page of Prow's shows, if it says them.
func storage(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}

	for _, provider := range []string{"gs", "s3"} {
		if path, ok := strings.CutPrefix(u.Path, "/view/"+provider+"/"); ok {
			return provider + "://" + strings.TrimSuffix(path, "/")
		}
	}

	return ""
}
