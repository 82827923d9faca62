//go:build linux && e2e

// Package e2e tests the whole system on a local stack of real control planes.
package e2e

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// The stack and the canary in the kubeconfig of each of its clusters are shared by
// all tests of the package.
var (
	shared *stack.Stack

	// The ampersand is written differently in JSON strings.
	canary = "canary&" + rand.Text()
)

// externalSecrets is set where TestRotation is to go through the real operator: it
// takes long to build.
var externalSecrets = flag.Bool("external-secrets", false, "run the External Secrets operator")

// Tests that disturb nobody run side by side, though not all at once: on the shared stack
// as many as have room on two cores, and one at a time of those that start a stack of their
// own.
var (
	lives  = make(chan struct{}, 4)
	stacks = make(chan struct{}, 1)
)

// parallel lets a test run beside others, once there is room for it.
func parallel(t *testing.T, room chan struct{}) {
	t.Helper()
	t.Parallel()

	room <- struct{}{}

	t.Cleanup(func() { <-room })
}

// What a signal reaches: interrupted ends, and then programs is waited for. Tests run
// under the one, and add to the other, the programs that clear up after themselves.
var (
	interrupted context.Context
	programs    sync.WaitGroup
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()

	flag.Parse()

	// There is no other limit than that of room.
	if err := flag.Set("test.parallel", "100"); err != nil {
		fmt.Fprintln(os.Stderr, err)

		return 1
	}

	s, err := stack.Start(ctx, stack.Options{Out: os.Stderr, Debug: true, Canary: canary, ExternalSecrets: *externalSecrets})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)

		return 1
	}

	stop := sync.OnceFunc(s.Stop)
	defer stop()

	shared, interrupted = s, ctx

	// Tests do not know of signals: without their stacks they would go on until each
	// has run out of patience.
	ignore := context.AfterFunc(ctx, func() {
		cancel() // The next signal ends the program at once.
		fmt.Fprintln(os.Stderr, "interrupted: stopping everything")

		programs.Wait()
		stop()
		process.EndAll()
		os.Exit(1)
	})

	code := m.Run()

	stopTekton()

	if !ignore() {
		select {} // The program is ending.
	}

	if n, err := searchLogs(s); err != nil {
		fmt.Fprintf(os.Stderr, "FAIL: in the %d logs of the shared stack, after all tests:\n%v\n", n, err)

		return 1
	}

	return code
}
