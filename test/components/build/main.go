// Command build builds the programs that the local stack runs, and prints where
// they are.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"

	"github.com/alecthomas/kong"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

type cli struct {
	Link string `help:"Directory to link the programs in, by name." placeholder:"DIR" type:"path"`

	Names []string `arg:"" help:"Programs to build; by default all that the local stack runs." optional:""`
}

func main() {
	c := &cli{}
	k := kong.Parse(c, kong.Description("Build the programs that the local stack runs, unless they are cached. The paths of those named are printed."))
	k.FatalIfErrorf(c.run())
}

func (c *cli) run() error {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()

	b, err := components.NewBuilder(os.Stderr)
	if err != nil {
		return err
	}

	selected := components.Stack()

	if len(c.Names) > 0 {
		all := slices.Concat(components.Stack(), components.Rendering(), components.Credentials(), components.Tools())
		selected = nil

		for _, name := range c.Names {
			i := slices.IndexFunc(all, func(c components.Component) bool { return c.Name == name })
			if i < 0 {
				return errors.Errorf("unknown program %q", name)
			}

			selected = append(selected, all[i])
		}
	}

	paths, err := b.Ensure(ctx, selected)
	if err != nil {
		return err
	}

	if c.Link != "" {
		return components.Link(c.Link, paths)
	}

	if len(c.Names) == 0 {
		return nil
	}

	for _, s := range selected {
		fmt.Println(paths[s.Name])
	}

	return nil
}
