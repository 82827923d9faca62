package profiles

import (
	"bytes"
	"context"
	"os"
	"sync/atomic"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
)

// checkInterval is how often a file is looked at. A ConfigMap's mount takes about
// a minute to change, so a look this often adds nothing to notice.
const checkInterval = 5 * time.Second

// File is a cluster profiles file that is read again when it changes.
type File struct {
	path    string
	log     logr.Logger
	clock   clock.WithTicker
	current atomic.Pointer[Set]
	seen    []byte

	// reloaded hears the outcome of every reload, nil when it succeeded.
	reloaded func(error)
}

// FileOption configures a File.
type FileOption func(*File)

// WithLogger sets the logger that reloads are reported to.
func WithLogger(l logr.Logger) FileOption {
	return func(f *File) { f.log = l }
}

// WithClock sets the clock that paces the looks at the file.
func WithClock(c clock.WithTicker) FileOption {
	return func(f *File) { f.clock = c }
}

// WithReloadCallback sets a function that hears the outcome of every reload.
func WithReloadCallback(fn func(error)) FileOption {
	return func(f *File) { f.reloaded = fn }
}

// Open reads a cluster profiles file. It fails when the file is not valid.
func Open(path string, o ...FileOption) (*File, error) {
	f := &File{path: path, log: logr.Discard(), clock: clock.RealClock{}, reloaded: func(error) {}}
	for _, fn := range o {
		fn(f)
	}

	if _, err := f.load(); err != nil {
		return nil, err
	}

	return f, nil
}

// Current returns the profiles of the last valid version of the file.
func (f *File) Current() *Set {
	return f.current.Load()
}

// Start reads the file again whenever it has changed, until the context ends. A
// broken version is reported once and the last good one stays in use.
func (f *File) Start(ctx context.Context) error {
	t := f.clock.NewTicker(checkInterval)
	defer t.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C():
			f.reload()
		}
	}
}

// NeedLeaderElection is false: a replica that waits to lead must have the current
// profiles when it does.
func (f *File) NeedLeaderElection() bool {
	return false
}

func (f *File) reload() {
	changed, err := f.load()
	if !changed {
		return
	}

	f.reloaded(err)

	if err != nil {
		f.log.Error(err, "cannot use changed cluster profiles, keeping the last good ones", "path", f.path)

		return
	}

	f.log.Info("cluster profiles reloaded", "path", f.path)
}

// load reads the file and reports whether it differs from the last one read.
func (f *File) load() (bool, error) {
	b, err := os.ReadFile(f.path)
	if err != nil {
		// An unreadable file counts as an empty version, so that it is reported
		// once and noticed when it is back.
		b = nil
	}

	if f.current.Load() != nil && bytes.Equal(b, f.seen) {
		return false, nil
	}

	f.seen = b

	if err != nil {
		return true, errors.Wrap(err, "cannot read cluster profiles")
	}

	s, err := Parse(b)
	if err != nil {
		return true, errors.Wrapf(err, "cannot use %s", f.path)
	}

	f.current.Store(s)

	return true, nil
}
