package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
)

const (
	outputText = "text"
	outputJSON = "json"
)

// record prints a value for programs, if these are to read it.
func (w *world) record(v any) error {
	if w.Output != outputJSON {
		return nil
	}

	e := json.NewEncoder(w.out)
	e.SetIndent("", "  ")

	return errors.Wrap(e.Encode(v), "cannot print")
}

// table prints rows for people.
func (w *world) table(rows [][]string) error {
	if w.Output != outputText {
		return nil
	}

	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return errors.Wrap(err, "cannot print")
		}
	}

	return errors.Wrap(t.Flush(), "cannot print")
}

// details are rows about one cluster.
func details(s cluster.State, now time.Time) [][]string {
	rows := [][]string{
		{"Name:", s.Name},
		{"Namespace:", s.Namespace},
		{"Phase:", fmt.Sprintf("%s, for %s", s.Phase, progress.Duration(now.Sub(s.Since)))},
	}

	for _, r := range [][]string{
		{"Waiting for:", s.WaitingFor},
		{"Failure:", failureText(s.Failure)},
		{"ProwJob:", s.ProwJobURL},
		{"Workflow:", s.Workflow},
		{"Profile:", s.ClusterProfile},
		{"Secret:", secretText(s)},
	} {
		if r[1] != "" {
			rows = append(rows, []string{r[0], flat(r[1])})
		}
	}

	return append(rows, []string{"Age:", progress.Duration(now.Sub(s.Created))})
}

func failureText(f *cluster.Failure) string {
	if f == nil {
		return ""
	}

	return f.String()
}

func secretText(s cluster.State) string {
	switch {
	case s.Secret == "":
		return ""
	case s.Ready:
		return s.Secret + ", which has the kubeconfig"
	case s.Over():
		return s.Secret
	}

	return s.Secret + ", which does not have the kubeconfig yet"
}

// flat keeps text within its cell.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }
