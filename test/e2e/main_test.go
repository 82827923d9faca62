//go:build linux && e2e

// Package e2e tests the whole system on a local stack of real control planes.
package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// The stack and the canary in the kubeconfig of each of its clusters are shared by
// all tests of the package.
var (
	shared *stack.Stack

	// The ampersand is written differently in JSON strings.
	canary = "canary&" + rand.Text()
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()

	s, err := stack.Start(ctx, stack.Options{Out: os.Stderr, Debug: true, Canary: canary})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)

		return 1
	}
	defer s.Stop()

	shared = s

	return m.Run()
}
