// Package gosdk stands in for the Nebius SDK, which provider-kubernetes links
// for one identity type that no cluster of ours uses. It has only the names that
// provider-kubernetes compiles against, and refuses to authenticate.
package gosdk

import (
	"context"
	"errors"

	"github.com/nebius/gosdk/auth"
)

var errUnsupported = errors.New("this build of provider-kubernetes does not support the Nebius identity type")

// SDK is what New would return; this build never returns one.
type SDK struct{}

// Option configures New.
type Option func()

// Credentials is what an SDK would authenticate with.
type Credentials struct{}

// New always fails.
func New(context.Context, ...Option) (*SDK, error) { return nil, errUnsupported }

// WithCredentials has no effect.
func WithCredentials(Credentials) Option { return func() {} }

// ServiceAccountReader reads nothing.
func ServiceAccountReader(auth.PrivateKeyParser) Credentials { return Credentials{} }

// BearerToken always fails.
func (*SDK) BearerToken(context.Context) (auth.BearerToken, error) {
	return auth.BearerToken{}, errUnsupported
}

// Close does nothing.
func (*SDK) Close() error { return nil }
