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

	// locks are listened on for as long as the program lives.
	locks map[int]net.Listener
}{locks: map[int]net.Listener{}}

// FreePort returns a TCP port of 127.0.0.1 that nothing listens on, and that no
// program that calls this gets for as long as the caller lives: many choose at once, and
// what is chosen is listened on only once its program has started.
func FreePort() (int, error) {
	taken.Lock()
	defer taken.Unlock()

	for range 1000 {
		port := minPort + rand.IntN(maxPort-minPort) //nolint:gosec // Not a secret.

		lock, err := lockPort(port)
		if err != nil {
			continue
		}

		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // Returns at once.
		if err != nil {
			_ = lock.Close()

			continue
		}

		_ = l.Close()
		taken.locks[port] = lock

		return port, nil
	}

	return 0, errors.Errorf("cannot find a free port between %d and %d", minPort, maxPort)
}

// lockPort takes a port from all other programs that choose one. The lock is a name among
// the kernel's abstract sockets: they are as local as ports are, whatever directories
// programs use, and go with the program, however that ends.
func lockPort(port int) (net.Listener, error) {
	return net.Listen("unix", "@ephemeral-clusters/port/"+strconv.Itoa(port)) //nolint:noctx // Returns at once.
}
