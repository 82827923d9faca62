package buildfarm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
)

// ErrNotYet means that a build cluster cannot answer just now, and that nothing
// is wrong with it: its watches are starting, or enough calls are waiting for it.
var ErrNotYet = errors.New("build cluster is not ready to be asked yet")

// UnknownError means that no kubeconfig file has a build cluster.
type UnknownError struct {
	Cluster string
}

func (e UnknownError) Error() string {
	return fmt.Sprintf("no kubeconfig context is named after build cluster %q", e.Cluster)
}

// UnavailableError means that a build cluster cannot be read for now. Its words do
// not change while the cause does not, so that they may go into conditions.
type UnavailableError struct {
	Cluster string
	Reason  string
}

func (e UnavailableError) Error() string {
	return fmt.Sprintf("%s%q%s%s", unavailableBegin, e.Cluster, unavailableMiddle, e.Reason)
}

// Removed returns the error of a build cluster whose context is gone, it may be by mistake.
func Removed(cluster string) error {
	return UnavailableError{Cluster: cluster, Reason: reasonRemoved}
}

const (
	unavailableBegin  = "build cluster "
	unavailableMiddle = " is unavailable: "
)

// TellsUnavailable reports whether a message is the text of an UnavailableError.
func TellsUnavailable(message string) bool {
	return strings.HasPrefix(message, unavailableBegin) && strings.Contains(message, unavailableMiddle)
}

// Describe puts an error of a cluster's API in words that stay the same from one
// attempt to the next: without ports, request IDs and times.
func Describe(err error) string {
	var (
		status kerrors.APIStatus
		errno  syscall.Errno
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		alert  tls.AlertError
		uerr   *url.Error
		nerr   net.Error
	)

	switch {
	case errors.As(err, &status):
		msg := status.Status().Message
		if msg == "" {
			msg = string(status.Status().Reason)
		}

		return oneLine(msg)
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &dns):
		return "cannot resolve the address of its API server"
	case errors.As(err, &cert):
		return "its API server's certificate " + describeCertificate(cert.Err)
	case errors.As(err, &alert):
		return "its API server refuses a TLS connection: " + alert.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &nerr) && nerr.Timeout():
		return reasonSilent
	case errors.As(err, &uerr):
		return "cannot connect to its API server"
	}

	return "its API server cannot be read"
}

// describeCertificate says what is wrong with a certificate, and leaves out what time it is.
func describeCertificate(err error) string {
	var (
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
	)

	switch {
	case errors.As(err, &authority):
		return "is signed by an authority that its kubeconfig does not have"
	case errors.As(err, &hostname):
		return "is not for the address that its kubeconfig has"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "has expired or is not valid yet"
	}

	return "cannot be verified"
}

func oneLine(s string) string {
	const limit = 512

	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= limit {
		return s
	}

	// The cut may be within a character.
	return strings.ToValidUTF8(s[:limit], "") + "..."
}
