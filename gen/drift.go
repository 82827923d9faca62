package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/client-go/dynamic"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/drift"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/live"
)

const outputJSON = "json"

type driftCmd struct {
	Konflux string `help:"Kubeconfig context of the Konflux cluster." placeholder:"CONTEXT" required:""`
	AppCI   string `help:"Kubeconfig context of app.ci."              name:"app-ci"         placeholder:"CONTEXT" required:""`

	XRD      string            `help:"Compare with the XRD of this name; without it, with the one of the two there is." name:"xrd"                                                                placeholder:"NAME"`
	Versions map[string]string `default:"v1=v1alpha1"                                                                   help:"Names of the XRD's versions, by the CRD's."`
	Output   string            `default:"text"                                                                          enum:"text,json"                                                          help:"How to print: text or json."`
	Settle   time.Duration     `default:"10s"                                                                           help:"How long to give Crossplane to serve an XRD that has just changed."`
	Timeout  time.Duration     `default:"1m"                                                                            help:"How long to wait for answers of the clusters."`
}

// Help is what `gen drift --help` says beyond its flags.
func (*driftCmd) Help() string {
	return `Compares the EphemeralCluster CRD that is live on app.ci with the XRD that is live
on a Konflux cluster, and names every field of the spec that would be

  pruned     its value is dropped without a word
  refused    a value that the other cluster takes is not valid
  required   the other cluster lets one leave it out
  defaulted  left out, it becomes something else

and every field of the status that tenants would not see. A finding is "breaking"
where requests that the Konflux cluster takes do not work on app.ci. Fields that are
Crossplane's own are left out. In a path, * stands for the keys of a map and [] for
the items of a list.

What counts is what Crossplane makes of the XRD, and the CRD that Crossplane serves for
it: that may not follow the XRD.

Exits 0 when they are the same, 1 when they are not, and 2 when that, or a part of
it, cannot be told: a cluster is out of reach, a definition is not there or may not
be read, Crossplane does not serve the XRD, there are two XRDs, or a version is served
by one cluster only. What is found all the same is printed.

With --output json it prints a list, which may be empty, of
{"version", "path", "kind", "cluster": "konflux" or "app.ci" (where it happens),
"definition": "XRD" or, if only that differs, the served "CRD", "breaking", "detail"}.`
}

// Run compares two clusters.
func (c *driftCmd) Run(ctx context.Context, k *kong.Context) error {
	appCI, err := live.Client(c.AppCI)
	if err != nil {
		return codeError{error: errors.Wrap(err, "app.ci"), code: codeUnknown}
	}

	konflux, err := live.Client(c.Konflux)
	if err != nil {
		return codeError{error: errors.Wrap(err, "Konflux cluster"), code: codeUnknown}
	}

	return c.compare(ctx, k.Stdout, appCI, konflux)
}

func (c *driftCmd) compare(ctx context.Context, stdout io.Writer, appCI, konflux dynamic.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()

	report, err := drift.Run(ctx, appCI, konflux, drift.Options{Versions: c.Versions, XRD: c.XRD, Settle: c.Settle})
	if report == nil {
		return codeError{error: errors.Wrap(err, "cannot tell whether there is drift"), code: codeUnknown}
	}

	show := drift.Text
	if c.Output == outputJSON {
		show = drift.JSON
	}

	if err := errors.Join(err, show(stdout, report.Findings)); err != nil {
		return codeError{error: errors.Wrap(err, "cannot tell all"), code: codeUnknown}
	}

	if len(report.Findings) > 0 {
		return codeError{error: errors.Errorf("drift: what XRD %q on %s offers is not what the CRD on %s takes", report.XRD, c.Konflux, c.AppCI), code: codeDiffers}
	}

	if c.Output == outputJSON {
		return nil
	}

	_, err = fmt.Fprintf(stdout, "no drift: XRD %q on %s offers what the CRD on %s takes\n", report.XRD, c.Konflux, c.AppCI)
	if err != nil {
		return codeError{error: errors.Wrap(err, "cannot print"), code: codeUnknown}
	}

	return nil
}
