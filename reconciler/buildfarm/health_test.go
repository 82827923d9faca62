package buildfarm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
)

func refused(port string) error {
	return &url.Error{Op: "Get", URL: "https://10.0.0.1:" + port, Err: &net.OpError{
		Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}}
}

func TestHealth(t *testing.T) {
	type outcome struct {
		watch string
		err   error
		after time.Duration
		stop  bool
	}

	errSecrets := kerrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "cluster-provisioning", errors.New("no"))
	errNamespaces := kerrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "", errors.New("no"))

	cases := map[string]struct {
		reason   string
		outcomes []outcome
		want     []string
	}{
		"Healthy": {
			reason:   "Nothing is said of a cluster that works.",
			outcomes: []outcome{{watch: "a"}, {watch: "b"}},
		},
		"Blip": {
			reason:   "An API server may restart.",
			outcomes: []outcome{{watch: "a", err: refused("1")}, {watch: "a", err: refused("1"), after: 5 * time.Second}, {watch: "a"}},
		},
		"Outage": {
			reason: "An outage is told once, and once when it is over.",
			outcomes: []outcome{
				{watch: "a", err: refused("1")},
				{watch: "a", err: refused("2"), after: 20 * time.Second},
				{watch: "a", err: refused("3"), after: 20 * time.Second},
				{watch: "a"},
			},
			want: []string{"connection refused", ""},
		},
		"OneWatchOfTwo": {
			reason: "One watch that works does not make up for one that does not.",
			outcomes: []outcome{
				{watch: "a", err: refused("1")},
				{watch: "a", err: refused("1"), after: 20 * time.Second},
				{watch: "b"},
			},
			want: []string{"connection refused"},
		},
		"DifferentWords": {
			reason: "Of watches that fail with different words one speaks for all, so that nothing changes while nothing happens.",
			outcomes: []outcome{
				{watch: "a", err: errSecrets},
				{watch: "b", err: errNamespaces},
				{watch: "a", err: errSecrets, after: 20 * time.Second},
				{watch: "b", err: errNamespaces},
				{watch: "a", err: errSecrets, after: 20 * time.Second},
				{watch: "b", err: errNamespaces},
				{watch: "a"},
				{watch: "b"},
			},
			want: []string{Describe(errSecrets), Describe(errNamespaces), ""},
		},
		"Stopped": {
			reason: "How watches end that were stopped says nothing of the cluster.",
			outcomes: []outcome{
				{watch: "a", err: refused("1")},
				{watch: "a", err: context.Canceled, after: 20 * time.Second, stop: true},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string

			c := clocktesting.NewFakeClock(time.Unix(0, 0))
			h := newHealth(c, func(reason string) { got = append(got, reason) })

			for _, o := range tc.outcomes {
				c.Step(o.after)

				if o.stop {
					h.stop()
				}

				h.observe(o.watch, o.err)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nobserve(...): -want changes, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func untrusted(err error) error {
	return &url.Error{Op: "Get", URL: "https://api:6443", Err: &tls.CertificateVerificationError{Err: err}}
}

func TestDescribe(t *testing.T) {
	cases := map[string]struct {
		reason string
		err    error
		want   string
	}{
		"Status":  {reason: "An API server's words are its own.", err: kerrors.NewUnauthorized("no\ntoken"), want: "no token"},
		"Refused": {reason: "Addresses and ports are left out.", err: errors.Wrap(refused("4711"), "x"), want: "connection refused"},
		"Timeout": {reason: "A call that took too long.", err: errors.Wrap(context.DeadlineExceeded, "x"), want: "its API server does not answer in time"},
		"DNS":     {reason: "A name that leads nowhere.", err: &url.Error{Err: &net.DNSError{Name: "api", Server: "10.0.0.1:53"}}, want: "cannot resolve the address of its API server"},
		"TLS":     {reason: "Any other failure to connect.", err: &url.Error{Err: errors.New("x509: certificate of 127.0.0.1:4711")}, want: "cannot connect to its API server"},
		"Expired": {reason: "Why a certificate is refused is told, without the time.", err: untrusted(x509.CertificateInvalidError{Reason: x509.Expired, Detail: "current time 2026-11-25T23:45:55Z"}), want: "its API server's certificate has expired or is not valid yet"},
		"Rotated": {reason: "A cluster whose authority is another than it was.", err: untrusted(x509.UnknownAuthorityError{}), want: "its API server's certificate is signed by an authority that its kubeconfig does not have"},
		"Elsewhere": {
			reason: "An address that leads to another cluster.",
			err:    untrusted(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "api"}),
			want:   "its API server's certificate is not for the address that its kubeconfig has",
		},
		"Alert":    {reason: "A client certificate that is refused.", err: &url.Error{Err: &net.OpError{Op: "remote error", Err: tls.AlertError(42)}}, want: "its API server refuses a TLS connection: tls: bad certificate"},
		"Long":     {reason: "No character is cut in two.", err: kerrors.NewUnauthorized(strings.Repeat("é", 300) + "x"), want: strings.Repeat("é", 256) + "..."},
		"LongOdd":  {reason: "Nor is one that the limit falls in.", err: kerrors.NewUnauthorized("x" + strings.Repeat("é", 300)), want: "x" + strings.Repeat("é", 255) + "..."},
		"Whatever": {reason: "Anything else might hold anything.", err: errors.New("secret"), want: "its API server cannot be read"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Describe(tc.err)); diff != "" {
				t.Errorf("%s\nDescribe(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
