package tenant

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestTransient(t *testing.T) {
	get := func(err error) error {
		return errors.Wrap(&url.Error{Op: "Get", URL: "https://konflux.example", Err: err}, "cannot get")
	}
	gr := schema.GroupResource{Resource: "testplatformclusters"}

	cases := map[string]struct {
		reason string
		err    error
		want   bool
	}{
		"None":          {reason: "Nothing is no failure that may pass.", err: nil},
		"Refused":       {reason: "An API server may be restarting.", err: get(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), want: true},
		"Reset":         {reason: "It may go while it is asked.", err: get(&net.OpError{Op: "read", Err: syscall.ECONNRESET}), want: true},
		"EOF":           {reason: "Or without a word.", err: get(io.EOF), want: true},
		"Deadline":      {reason: "It may be slow.", err: get(context.DeadlineExceeded), want: true},
		"Stream":        {reason: "What is before it may end one request of many.", err: get(errors.New("stream error: stream ID 1; INTERNAL_ERROR; received from peer")), want: true},
		"Body":          {reason: "It may go in the middle of an answer.", err: fmt.Errorf("unexpected error when reading response body. Please retry. Original error: %w", io.ErrUnexpectedEOF), want: true},
		"BodyStream":    {reason: "So may what is before it.", err: fmt.Errorf("stream error when reading response body, may be caused by closed connection. Please retry. Original error: %w", errors.New("stream error: stream ID 1; INTERNAL_ERROR; received from peer")), want: true},
		"RawStream":     {reason: "It is the same whoever reads.", err: errors.New("stream error: stream ID 1; INTERNAL_ERROR; received from peer"), want: true},
		"Idle":          {reason: "There are many words for that.", err: get(errors.New("http: server closed idle connection")), want: true},
		"Canceled":      {reason: "Who does not want an answer does not want it later.", err: get(context.Canceled)},
		"Unavailable":   {reason: "It may say that it cannot answer,", err: kerrors.NewServiceUnavailable("etcd"), want: true},
		"Internal":      {reason: "or does not know why,", err: kerrors.NewInternalError(io.EOF), want: true},
		"TooMany":       {reason: "or that it is asked too much.", err: kerrors.NewTooManyRequestsError("wait"), want: true},
		"Gateway":       {reason: "What is before it may say so.", err: kerrors.NewGenericServerResponse(502, "get", gr, "", "", 0, true), want: true},
		"NameServer":    {reason: "A name server may not answer.", err: get(&net.OpError{Op: "dial", Err: &net.DNSError{IsTimeout: true}}), want: true},
		"NoSuchHost":    {reason: "A host that does not exist will not.", err: get(&net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}})},
		"Certificate":   {reason: "A certificate does not become another.", err: get(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")})},
		"Authority":     {reason: "Nor does who is trusted.", err: get(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})},
		"NoTLS":         {reason: "A server that does not encrypt will not.", err: get(http.ErrSchemeMismatch)},
		"Scheme":        {reason: "Where to go is for the user to say,", err: get(errors.New(`unsupported protocol scheme "ftp"`))},
		"Address":       {reason: "in a way that can be read,", err: &url.Error{Op: "parse", URL: "https://[", Err: errors.New("missing ']' in host")}},
		"LogIn":         {reason: "and so is who goes there.", err: get(errors.New("getting credentials: exec: executable oc failed with exit code 1"))},
		"Forbidden":     {reason: "Rights do not come by themselves,", err: kerrors.NewForbidden(gr, "demo", nil)},
		"ForbiddenHTML": {reason: "whoever refuses.", err: kerrors.NewGenericServerResponse(403, "get", gr, "", "", 0, true)},
		"NotFound":      {reason: "Nor do objects.", err: kerrors.NewNotFound(gr, "demo")},
		"Other":         {reason: "What is no request's is for good.", err: errors.New("no")},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Transient(tc.err); got != tc.want {
				t.Errorf("%s\nTransient(%v): want %t, got %t", tc.reason, tc.err, tc.want, got)
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	gr := schema.GroupResource{Resource: "testplatformclusters"}

	cases := map[string]struct {
		reason string
		err    error
		want   bool
	}{
		"None":      {reason: "What has succeeded is known.", err: nil},
		"EOF":       {reason: "An API server may go when it has created something.", err: &url.Error{Op: "Post", URL: "https://konflux.example", Err: io.EOF}, want: true},
		"Other":     {reason: "So it is with whatever else it does in place of an answer.", err: errors.New("stream error"), want: true},
		"Deadline":  {reason: "Nobody may have waited for it.", err: context.DeadlineExceeded, want: true},
		"Gateway":   {reason: "What is before it may not have waited, either.", err: kerrors.NewGenericServerResponse(504, "create", gr, "", "", 0, true), want: true},
		"Internal":  {reason: "It may have failed afterwards.", err: errors.Wrap(kerrors.NewInternalError(io.EOF), "cannot create"), want: true},
		"Forbidden": {reason: "That is an answer,", err: kerrors.NewForbidden(gr, "demo", nil)},
		"Exists":    {reason: "and that,", err: kerrors.NewAlreadyExists(gr, "demo")},
		"TooMany":   {reason: "and that.", err: kerrors.NewTooManyRequestsError("wait")},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Unanswered(tc.err); got != tc.want {
				t.Errorf("%s\nUnanswered(%v): want %t, got %t", tc.reason, tc.err, tc.want, got)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	passing, final := errors.New("passing"), errors.New("final")
	mayPass := func(err error) bool { return errors.Is(err, passing) }

	t.Run("Final", func(t *testing.T) {
		attempts := 0

		err := Retry(t.Context(), mayPass, func() error {
			if attempts++; attempts < 3 {
				return passing
			}

			return final
		})
		if !errors.Is(err, final) || attempts != 3 {
			t.Errorf("want three attempts and their last error, got %d and %v", attempts, err)
		}
	})

	t.Run("Ended", func(t *testing.T) {
		cause := errors.New("it took too long")

		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, cause)
		defer cancel()

		err := Retry(ctx, mayPass, func() error { return passing })
		if diff := cmp.Diff("passing: it took too long", err.Error()); diff != "" || !errors.Is(err, cause) {
			t.Errorf("want both why it was tried again and why no more: -want, +got:\n%s", diff)
		}
	})
	t.Run("CutOff", func(t *testing.T) {
		cause := errors.New("it took too long")
		ctx, cancel := context.WithCancelCause(t.Context())

		err := Retry(ctx, mayPass, func() error {
			cancel(cause)

			return ctx.Err()
		})
		if diff := cmp.Diff("context canceled: it took too long", err.Error()); diff != "" || !errors.Is(err, cause) {
			t.Errorf("want why the last attempt has ended: -want, +got:\n%s", diff)
		}
	})
}
