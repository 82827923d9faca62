//go:build linux

package controlplane

import (
	"context"
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Freeze makes the API server hang: it accepts connections, and answers nothing, as
// a cluster behind a broken network.
func (cp *ControlPlane) Freeze() error { return cp.signalAPIServer(syscall.SIGSTOP) }

// Thaw ends what Freeze began.
func (cp *ControlPlane) Thaw() error { return cp.signalAPIServer(syscall.SIGCONT) }

// StopAPIServer ends the API server: it refuses connections, and forgets its watches.
func (cp *ControlPlane) StopAPIServer() error {
	i, err := cp.apiServer()
	if err != nil {
		return err
	}

	cp.procs[i].Stop()

	return nil
}

// StartAPIServer starts the API server again, where it was, and returns once it is ready.
func (cp *ControlPlane) StartAPIServer(ctx context.Context) error {
	i, err := cp.apiServer()
	if err != nil {
		return err
	}

	p, err := cp.Group.Start(cp.procs[i].Command)
	if err != nil {
		return err
	}

	cp.procs[i] = p

	return cp.waitReady(ctx)
}

// apiServer is the position of the API server among the processes.
func (cp *ControlPlane) apiServer() (int, error) {
	for i, p := range cp.procs {
		if p.Name == cp.Name+"/"+apiServerProcess {
			return i, nil
		}
	}

	return 0, errors.Errorf("%s has no API server", cp.Name)
}

func (cp *ControlPlane) signalAPIServer(s syscall.Signal) error {
	i, err := cp.apiServer()
	if err != nil {
		return err
	}

	return errors.Wrapf(cp.procs[i].Signal(s), "cannot signal the API server of %s", cp.Name)
}
