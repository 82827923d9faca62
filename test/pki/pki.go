// Package pki is a certificate authority for control planes that live no longer
// than a test. Keys are ECDSA P-256; everything is PEM.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Lifetime of certificates: longer than any stack is left running.
const Lifetime = 30 * 24 * time.Hour

// Authority signs certificates.
type Authority struct {
	// CertPEM is the authority's own certificate.
	CertPEM []byte

	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes a self-signed authority.
func NewAuthority(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.Wrap(err, "cannot generate a key")
	}

	c, err := cert.NewSelfSignedCACert(cert.Config{CommonName: name}, key)
	if err != nil {
		return nil, errors.Wrap(err, "cannot sign the authority's certificate")
	}

	return &Authority{CertPEM: encodeCert(c), cert: c, key: key}, nil
}

// LoadAuthority returns the authority that a certificate and its key stand for.
func LoadAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	certs, err := cert.ParseCertsPEM(certPEM)
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse the authority's certificate")
	}

	key, err := keyutil.ParsePrivateKeyPEM(keyPEM)
	if err != nil {
		return nil, errors.Wrap(err, "cannot parse the authority's key")
	}

	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.Errorf("cannot sign with a key of type %T", key)
	}

	return &Authority{CertPEM: certPEM, cert: certs[0], key: signer}, nil
}

// Subject is what a certificate is issued for: a user and its groups as
// Kubernetes reads them, or a server and the names that it is reached by.
type Subject struct {
	Name   string
	Groups []string

	DNSNames []string
	IPs      []net.IP
}

// Issue signs a certificate that serves both ends of a connection, and returns it
// with its key.
func (a *Authority) Issue(s Subject) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, errors.Wrap(err, "cannot generate a key")
	}

	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, errors.Wrap(err, "cannot generate a serial number")
	}

	now := time.Now()

	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: s.Name, Organization: s.Groups},
		DNSNames:     s.DNSNames,
		IPAddresses:  s.IPs,
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     now.Add(Lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, errors.Wrapf(err, "cannot sign a certificate for %q", s.Name)
	}

	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, errors.Wrap(err, "cannot parse the new certificate")
	}

	keyPEM, err = keyutil.MarshalPrivateKeyToPEM(key)

	return encodeCert(c), keyPEM, errors.Wrap(err, "cannot encode the new key")
}

// Loopback is a server on this machine.
func Loopback(name string) Subject {
	return Subject{Name: name, DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
}

func encodeCert(c *x509.Certificate) []byte {
	b, _ := cert.EncodeCertificates(c) // Encoding a parsed certificate to memory cannot fail.

	return b
}
