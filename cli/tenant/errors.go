package tenant

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Transient reports whether a request may succeed when it is made again, because it
// did not reach an API server or reached one that was not able to answer.
func Transient(err error) bool {
	op, dns, status := (*net.OpError)(nil), (*net.DNSError)(nil), kerrors.APIStatus(nil)

	switch {
	case err == nil:
		return false
	case errors.As(err, &status):
		code := status.Status().Code

		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	case errors.As(err, &dns):
		return dns.IsTimeout || dns.IsTemporary
	case errors.As(err, &op):
		// Any other operation than these is about certificates.
		return op.Op == "dial" || op.Op == "read" || op.Op == "write"
	case errors.Is(err, context.DeadlineExceeded), utilnet.IsTimeout(err):
		return true
	case utilnet.IsHTTP2ConnectionLost(err), utilnet.IsProbableEOF(err):
		return true
	}

	return false
}

// Unanswered reports whether a request that has failed may have been carried out: nobody
// who knows has said that it was not.
func Unanswered(err error) bool {
	status := kerrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return err != nil
	}

	return status.Status().Code >= http.StatusInternalServerError
}

// A backoff is how long to wait before the next attempt, again and again.
func backoff() wait.Backoff {
	const forever = 1 << 30

	return wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: forever, Cap: 10 * time.Second}
}

// pause waits, or returns why the context has ended.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Retry makes an attempt again while an error may pass. The context bounds it.
func Retry(ctx context.Context, mayPass func(error) bool, attempt func() error) error {
	for b := backoff(); ; {
		err := attempt()
		if err == nil || !mayPass(err) {
			return err
		}

		if ended := pause(ctx, b.Step()); ended != nil {
			return errors.Wrap(ended, err.Error())
		}
	}
}
