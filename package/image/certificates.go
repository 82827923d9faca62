package image

import (
	"bytes"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Certificates are the roots that Mozilla trusts to identify servers, as PEM. They
// come from golang.org/x/crypto/x509roots/fallback, which Go's maintainers generate
// of Mozilla's list: pinned and checked by go.sum, and there wherever this builds.
//
// Roots that are trusted for some certificates only are left out: a file of
// certificates cannot say so, and whoever reads it would trust them for all.
func Certificates() []byte {
	b := &bytes.Buffer{}

	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
		}
	}

	return b.Bytes()
}
