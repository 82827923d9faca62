package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/cluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/progress"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/tenant"
)

// A timeoutError says that it took too long.
type timeoutError struct {
	after      time.Duration
	waitingFor string
}

func (e *timeoutError) Error() string {
	if e.waitingFor == "" {
		return fmt.Sprintf("timed out after %s", e.after)
	}

	return fmt.Sprintf("timed out after %s, waiting for %s", e.after, e.waitingFor)
}

// A failedError says that a cluster did not become what it was asked to be.
type failedError struct {
	name    string
	failure *cluster.Failure
}

func (e *failedError) Error() string { return fmt.Sprintf("%s failed: %s", e.name, e.failure) }

// An interruptedError says that somebody has ended the wait.
type interruptedError struct {
	// why says what has ended it, if that was no signal.
	why error

	// follow is how to go on waiting, if what was asked for goes on.
	follow string
}

func (e *interruptedError) Error() string {
	said := "interrupted"
	if e.why != nil {
		said += ": " + e.why.Error()
	}

	if e.follow == "" {
		return said
	}

	return said + "; what was asked for goes on: " + e.follow
}

// interrupted returns why a context was cancelled.
func interrupted(ctx context.Context, follow string) *interruptedError {
	e := &interruptedError{follow: follow}

	unread := (*unreadError)(nil)
	if errors.As(context.Cause(ctx), &unread) {
		e.why = unread
	}

	return e
}

// A patience is how long to go on with an API server that does not answer.
type patience struct {
	// ask is how long to try to reach it before anything was asked of it.
	ask time.Duration

	// giveBack is how long to try to give a cluster back.
	giveBack time.Duration

	// interrupted is how long to try that once somebody has interrupted us.
	interrupted time.Duration

	// answer is how long to believe that app.ci has refused something else, before.
	answer time.Duration
}

// usualPatience is less, once interrupted, than Kubernetes lets a container take to end, so
// that there is time when a Pod is deleted.
func usualPatience() patience {
	return patience{ask: 3 * time.Minute, giveBack: 10 * time.Minute, interrupted: 20 * time.Second, answer: 15 * time.Second}
}

// lastly returns a context for what is to be done when all else has ended. An interrupt,
// before or meanwhile, leaves less time for it.
func (w *world) lastly(interrupt context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(interrupt))
	gaveUp := func(after time.Duration) func() {
		return func() { cancel(errors.Errorf("gave up after %s", after)) }
	}

	late := time.AfterFunc(w.patience.giveBack, gaveUp(w.patience.giveBack))
	stop := context.AfterFunc(interrupt, func() { time.AfterFunc(w.patience.interrupted, gaveUp(w.patience.interrupted)) })

	return ctx, func() {
		late.Stop()
		stop()
		cancel(nil)
	}
}

// within bounds a context.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, &timeoutError{after: timeout})
}

// attempt makes a request again and again, though not for long: when nothing goes on
// yet, an API server that cannot be reached may just be the wrong one.
func (w *world) attempt(ctx context.Context, request func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, w.patience.ask, errors.Errorf("gave up after %s", w.patience.ask))
	defer cancel()

	return w.retry(ctx, request)
}

// retry makes a request again and again, and tells of each reason to once. Once an
// API server could not be reached, it may just have started when it can: it forbids what
// it will allow as soon as it knows all rights, and does not know all kinds yet.
func (w *world) retry(ctx context.Context, request func(ctx context.Context) error) error {
	return tenant.Retry(ctx, func(err error) bool {
		started := kerrors.IsForbidden(err) || errors.Is(err, tenant.ErrNotServed)
		if !tenant.Transient(err) && (w.trouble == "" || !started) {
			return false
		}

		if said := flat(err.Error()); said != w.trouble && ctx.Err() == nil {
			w.trouble = said
			_, _ = fmt.Fprintf(w.err, "%s: trying again: %s\n", w.name, said)
		}

		return true
	}, func() error { return request(ctx) })
}

// progressTo is where progress goes: to people, who read standard error too.
func (w *world) progressTo() io.Writer {
	if w.Output == outputText {
		return w.out
	}

	return w.err
}

// A judge says whether a state is what was waited for. It may know more than the
// claim does, and return another state; again asks to be called again soon.
type judge func(ctx context.Context, s cluster.State) (judged cluster.State, done, again bool, err error)

// await follows a claim that was in some state, and shows how it gets on, until a judge is
// content. It returns the last state either way.
func (w *world) await(ctx context.Context, t *tenant.Tenant, show progress.Reporter, last cluster.State, judge judge) (cluster.State, error) {
	defer show.Close()

	err := t.Follow(ctx, last.Name, last.UID, tenant.Follower{
		See: func(ctx context.Context, u *unstructured.Unstructured) (bool, error) {
			s, done, again, err := judge(ctx, cluster.From(u).After(last))
			last = s
			show.State(s)

			if err == nil && done {
				err = tenant.ErrDone
			}

			return again, err
		},
		Trouble: show.Trouble,
	})

	timeout := (*timeoutError)(nil)

	switch {
	case errors.As(err, &timeout):
		return last, &timeoutError{after: timeout.after, waitingFor: last.WaitingFor}
	case err != nil && errors.Is(ctx.Err(), context.Canceled):
		return last, interrupted(ctx, w.name+" status "+last.Name+" --watch")
	}

	return last, err
}

// usable adds to a state whether the Secret of a cluster that is ready has the
// kubeconfig: the claim cannot know.
func usable(ctx context.Context, t *tenant.Tenant, s cluster.State) (cluster.State, error) {
	if !s.Ready {
		return s, nil
	}

	_, err := t.Kubeconfig(ctx, s.Secret, s.UID)

	none := (*tenant.NoKubeconfigError)(nil)
	if errors.As(err, &none) {
		return s.Lacks("the kubeconfig: " + none.Error()), nil
	}

	return s, err
}
