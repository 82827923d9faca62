//go:build linux

package process

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Ports are taken from below the range that the kernel uses for outgoing
// connections (32768 and up), so that none of those can take one that was chosen
// but not yet listened on.
const (
	minPort = 20000
	maxPort = 32000
)

var taken = struct { //nolint:gochecknoglobals // Ports are a resource of the whole program.
	sync.Mutex

	ports map[int]bool
}{ports: map[int]bool{}}

// FreePort returns a TCP port of 127.0.0.1 that nothing listens on, and that it
// has not returned before.
func FreePort() (int, error) {
	taken.Lock()
	defer taken.Unlock()

	for range 1000 {
		port := minPort + rand.IntN(maxPort-minPort) //nolint:gosec // Not a secret.
		if taken.ports[port] {
			continue
		}

		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // Returns at once.
		if err != nil {
			continue
		}

		_ = l.Close()
		taken.ports[port] = true

		return port, nil
	}

	return 0, errors.Errorf("cannot find a free port between %d and %d", minPort, maxPort)
}
