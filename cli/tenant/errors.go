package tenant

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Transient reports whether a request may succeed when it is made again, because it
// did not reach an API server or reached one that was not able to answer.
func Transient(err error) bool {
	dns, status := (*net.DNSError)(nil), kerrors.APIStatus(nil)

	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &status):
		code := status.Status().Code

		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	case errors.As(err, &dns):
		return dns.IsTimeout || dns.IsTemporary
	case misdirected(err):
		return false
	case errors.Is(err, context.DeadlineExceeded), utilnet.IsTimeout(err):
		return true
	}

	// There are many ways to lose a connection, and most of them have no type. What is
	// no request's error is not meant: it is ours.
	return unsent(err) || unread(err)
}

// unsent reports whether a request has failed for which there is no answer at all.
func unsent(err error) bool {
	request := (*url.Error)(nil)

	return errors.As(err, &request)
}

// unread reports whether a connection was lost in the middle of an answer.
func unread(err error) bool {
	// What a client makes of the answer it reads by itself, and what it is when others do.
	said := strings.Contains(err.Error(), "error when reading response body") || strings.Contains(err.Error(), "stream error: stream ID ")

	return said || errors.Is(err, io.ErrUnexpectedEOF) || utilnet.IsHTTP2ConnectionLost(err) || utilnet.IsProbableEOF(err)
}

// misdirected reports whether a request has failed for what the kubeconfig says: where
// to go, or whom to trust, or how to log in.
func misdirected(err error) bool {
	op, request := (*net.OpError)(nil), (*url.Error)(nil)
	certificate, record := (*tls.CertificateVerificationError)(nil), tls.RecordHeaderError{}

	switch {
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return true
	case errors.As(err, &op) && op.Op != "dial" && op.Op != "read" && op.Op != "write":
		// Any other operation than these is about certificates, or a proxy.
		return true
	case !errors.As(err, &request):
		return false
	}

	// These have no types. The first is a program's of the user, who may have to log in.
	why := request.Err.Error()

	return request.Op == "parse" || strings.Contains(why, "getting credentials: ") || strings.Contains(why, "unsupported protocol scheme")
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
	last := error(nil)

	for b := backoff(); ; {
		err := attempt()
		// Why the context has ended says more than that it has, and so does what was wrong
		// before.
		cutOff := ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(context.Cause(ctx), ctx.Err())
		if cutOff && last != nil {
			err = last
		}

		last = err

		if err == nil || !cutOff && !mayPass(err) {
			return err
		}

		if ended := pause(ctx, b.Step()); ended != nil {
			return errors.Wrap(ended, err.Error())
		}
	}
}
