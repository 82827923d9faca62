// Package reload keeps what a configuration file says up to date while a program
// runs.
package reload

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

// File is a configuration file that is read again when it changes.
type File[T any] struct {
	options

	path    string
	parse   func([]byte) (*T, error)
	current atomic.Pointer[T]
	seen    []byte
}

// options are those of a File, whatever it holds.
type options struct {
	log   logr.Logger
	clock clock.WithTicker

	// reloaded hears the outcome of every reload, nil when it succeeded.
	reloaded func(error)
}

// Option configures a File.
type Option func(*options)

// WithLogger sets the logger that reloads are reported to.
func WithLogger(l logr.Logger) Option {
	return func(o *options) { o.log = l }
}

// WithClock sets the clock that paces the looks at the file.
func WithClock(c clock.WithTicker) Option {
	return func(o *options) { o.clock = c }
}

// WithCallback sets a function that hears the outcome of every reload.
func WithCallback(fn func(error)) Option {
	return func(o *options) { o.reloaded = fn }
}

// Open reads a file. It fails when the file cannot be read or parsed.
func Open[T any](path string, parse func([]byte) (*T, error), o ...Option) (*File[T], error) {
	f := &File[T]{
		path:    path,
		parse:   parse,
		options: options{log: logr.Discard(), clock: clock.RealClock{}, reloaded: func(error) {}},
	}
	for _, fn := range o {
		fn(&f.options)
	}

	if _, err := f.load(); err != nil {
		return nil, err
	}

	return f, nil
}

// Current returns the last valid version of the file.
func (f *File[T]) Current() *T {
	return f.current.Load()
}

// Start reads the file again whenever it has changed, until the context ends. A
// broken version is reported once and the last good one stays in use.
func (f *File[T]) Start(ctx context.Context) error {
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
// version when it does.
func (f *File[T]) NeedLeaderElection() bool {
	return false
}

func (f *File[T]) reload() {
	changed, err := f.load()
	if !changed {
		return
	}

	f.reloaded(err)

	if err != nil {
		f.log.Error(err, "cannot use changed file, keeping its last good version", "path", f.path)

		return
	}

	f.log.Info("reloaded file", "path", f.path)
}

// load reads the file and reports whether it differs from the last one read.
func (f *File[T]) load() (bool, error) {
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
		return true, errors.Wrap(err, "cannot read file")
	}

	v, err := f.parse(b)
	if err != nil {
		return true, errors.Wrapf(err, "cannot use %s", f.path)
	}

	f.current.Store(v)

	return true, nil
}
