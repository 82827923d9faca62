//go:build linux

package stack

import (
	"net"
	"net/http"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-containerregistry/pkg/registry"
)

// startRegistry serves an empty registry on a free port for as long as the stack
// lives.
func (s *Stack) startRegistry() error {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Returns at once.
	if err != nil {
		return errors.Wrap(err, "cannot listen for the registry")
	}

	srv := &http.Server{
		Handler:           registry.New(registry.Logger(s.nopLog())),
		ReadHeaderTimeout: 10 * time.Second,
	}

	go srv.Serve(l) //nolint:errcheck // Ends with the stack.

	s.onStop(func() { _ = srv.Close() })
	s.registry = l.Addr().String()

	return nil
}
