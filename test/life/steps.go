//go:build linux

package life

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// Steps is how many steps there are.
const Steps = 16

// How long steps may take.
const (
	// An event that was missed costs a poll of provider-kubernetes or of the function,
	// which is one minute at most.
	soon = 2 * time.Minute

	// provisioning and tear-down each start or stop a control plane.
	slow = 5 * time.Minute
)

// step is one of the sixteen.
type step struct {
	// what happens, and the components that play a part in it, the first to act
	// first. There is none where the pipeline acts.
	what   string
	owners []string

	// within is how long it may take.
	within time.Duration

	// observe returns once it has happened, with the object that shows it.
	observe func(context.Context) (client.Object, error)
}

func (l *Life) steps() []step {
	const (
		crossplane = stack.ComponentCrossplane
		function   = stack.ComponentFunction
		provider   = stack.ComponentProvider
		prow       = stack.ComponentProw
		reconciler = stack.ComponentReconciler
		standIn    = stack.ComponentStandIn
	)

	pipeline := l.parts()

	return []step{
		pipeline.starts,
		pipeline.creates,
		{"Crossplane creates the EphemeralCluster on app.ci", []string{crossplane, function, provider}, soon, l.awaitEphemeralCluster},
		{"the reconciler creates a ProwJob", []string{reconciler}, soon, l.awaitProwJob},
		{"the ProwJob's Pod runs ci-operator on a build cluster", []string{prow, standIn}, soon, l.awaitPod},
		{"ci-operator provisions in its namespace, to wait for a signal", []string{standIn}, soon, l.awaitNamespace},
		{"ci-operator's Secret holds the kubeconfig", []string{standIn}, slow, l.awaitSource},
		{"the reconciler publishes it on the EphemeralCluster", []string{reconciler}, soon, l.awaitPublished},
		{"Crossplane reports it to the tenant's Secret", []string{provider, function, crossplane}, soon, l.awaitTenantSecret},
		pipeline.writesResults,
		pipeline.tests,
		pipeline.ends,
		pipeline.tearsDown,
		{"Crossplane carries it to app.ci", []string{crossplane, function, provider}, soon, l.awaitTearDown},
		{"the reconciler signals ci-operator", []string{reconciler}, soon, l.awaitSignal},
		{"ci-operator destroys the cluster, and the ProwJob ends", []string{standIn, prow, reconciler, provider, function, crossplane}, slow, l.awaitEnd},
	}
}

// observe waits until a step has happened.
func (l *Life) observe(ctx context.Context, n int, s step) (client.Object, error) {
	start := time.Now()

	stepCtx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()

	o, err := s.observe(stepCtx)

	switch {
	case err == nil:
		return o, nil
	case ctx.Err() != nil:
		return nil, errors.Wrapf(ctx.Err(), "interrupted in step %d (%s)", n, s.what)
	case stepCtx.Err() != nil:
		return nil, l.failure(fmt.Sprintf("step %d did not happen within %s", n, s.within), s, err)
	default:
		return nil, l.failure(fmt.Sprintf("step %d failed after %s", n, time.Since(start).Round(time.Millisecond)), s, err)
	}
}

// failure tells what happened to a step, why, and what its owners logged last.
func (l *Life) failure(happened string, s step, err error) error {
	details := &strings.Builder{}

	if l.claim != nil {
		_, _ = fmt.Fprintf(details, "\n%s", conditions(l.claim))
	}

	for _, o := range s.owners {
		_, _ = fmt.Fprintf(details, "\nlast lines of the log of %s:\n%s", o, l.logTail(o))
	}

	return errors.Errorf("%s: %s: %w%s", happened, s.what, err, details)
}
