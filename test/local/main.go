//go:build linux

// Command local runs the whole system on this machine: the life of one cluster
// from claim to tear-down, or a stack to play with.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	pipelinev1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/tekton"
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

// next is what to try after the demo.
const next = `
Next, try one of these:

  make up      keep such clusters running, and ask for one yourself
  make test    pass the tests
`

type demo struct {
	Pipeline  string `default:"examples/pipelines/install.yaml"               help:"Manifest of the PipelineRun, whose tasks are provision, test and deprovision." type:"existingfile"`
	Namespace string `default:"tenant-a"                                      help:"Tenant namespace that the pipeline runs in."`
	API       string `default:"claims"                                        enum:"claims,v2"                                                                     help:"What the Konflux cluster serves: claims, or v2 namespaced composites."`
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

	r, err := tekton.Install(ctx, s, d.Namespace, io.Discard)
	if err != nil {
		return err
	}
	defer r.Stop()

	pr := &pipelinev1.PipelineRun{}
	if err := tekton.ReadFile(ctx, d.Pipeline, pr); err != nil {
		return err
	}

	pr.SetNamespace(d.Namespace)

	l := life.NewPipeline(ctx, s, r, pr, os.Stdout)
	if err := l.Run(ctx); err != nil {
		return err
	}

	if err := l.Delete(ctx); err != nil {
		return err
	}

	fmt.Printf("\n%s\nThe PipelineRun was deleted; the cluster and every copy of its credentials are gone. Everything took %.0fs.\n%s",
		l.Table(), time.Since(start).Seconds(), next)

	return nil
}
