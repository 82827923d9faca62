//go:build linux

package controlplane

import (
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Freeze makes the API server hang: it accepts connections, and answers nothing, as
// a cluster behind a broken network.
func (cp *ControlPlane) Freeze() error { return cp.signalAPIServer(syscall.SIGSTOP) }

// Thaw ends what Freeze began.
func (cp *ControlPlane) Thaw() error { return cp.signalAPIServer(syscall.SIGCONT) }

func (cp *ControlPlane) signalAPIServer(s syscall.Signal) error {
	for _, p := range cp.procs {
		if p.Name == cp.Name+"/"+apiServerProcess {
			return errors.Wrapf(p.Signal(s), "cannot signal the API server of %s", cp.Name)
		}
	}

	return errors.Errorf("%s has no API server", cp.Name)
}
