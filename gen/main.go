// Package main generates what is derived: the claim's schema from that of
// EphemeralCluster.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/ephemeral-clusters/ephemeral-clusters/internal/version"
)

type cli struct {
	XRD        xrdCmd        `cmd:"" help:"Generate the XRDs of TestPlatformCluster from the CRD of EphemeralCluster."                                    name:"xrd"`
	Drift      driftCmd      `cmd:"" help:"Compare what is live on app.ci and on a Konflux cluster."`
	Breaking   breakingCmd   `cmd:"" help:"Tell what a change of the CRD breaks."`
	Kubeconfig kubeconfigCmd `cmd:"" help:"Issue a credential of app.ci for a Konflux cluster, or of a build cluster for the reconciler, or examine one."`
	Config     configCmd     `cmd:"" help:"Generate the manifests of all clusters from the environments."`
	Promote    promoteCmd    `cmd:"" help:"Move versions from one environment to the next."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	k := kong.Parse(&cli{},
		kong.Name("gen"),
		kong.Description("Generates what must never drift from what it is derived from."),
		kong.UsageOnError(),
		kong.Exit(exit),
		kong.Vars{"version": version.String()},
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	k.FatalIfErrorf(k.Run())
}
