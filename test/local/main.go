//go:build linux

// Command local runs the whole system on this machine: the life of one cluster
// from claim to tear-down, or a stack to play with.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

type cli struct {
	Demo  demo  `cmd:"" help:"Start a stack, follow one cluster through its life, and stop."`
	Up    up    `cmd:"" help:"Start a stack and leave it running."`
	Down  down  `cmd:"" help:"Stop the stack that was left running."`
	Serve serve `cmd:"" hidden:""`
}

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()

	k := kong.Parse(&cli{},
		kong.Description("Run ephemeral clusters' control planes on this machine."),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	k.FatalIfErrorf(k.Run())
}

type demo struct {
	Claim     string `default:"examples/workflow/claim.yaml"                  help:"Manifest of the claim."                      type:"existingfile"`
	Namespace string `default:"tenant-a"                                      help:"Tenant namespace that the claim is made in."`
	API       string `default:"claims"                                        enum:"claims,v2"                                   help:"What the Konflux cluster serves: claims, or v2 namespaced composites."`
	Debug     bool   `help:"Raise the log level of every component but etcd."`
}

// Run follows one cluster through its life.
func (d *demo) Run(ctx context.Context) (err error) {
	start := time.Now()

	s, err := stack.Start(ctx, stack.Options{API: stack.API(d.API), Out: os.Stdout, Debug: d.Debug})
	if err != nil {
		return err
	}
	defer s.Stop()

	fmt.Printf("\nThe stack started in %.0fs. One cluster's life:\n\n", time.Since(start).Seconds())

	claim, err := filepath.Abs(d.Claim)
	if err != nil {
		return errors.Wrap(err, "cannot find the claim")
	}

	l := life.New(s, d.Namespace, claim, os.Stdout)
	if err := l.Run(ctx); err != nil {
		return err
	}

	if err := l.Delete(ctx); err != nil {
		return err
	}

	fmt.Printf("\n%s\nThe claim was deleted; the cluster and every copy of its credentials are gone. Everything took %.0fs.\n", l.Table(), time.Since(start).Seconds())

	return nil
}
