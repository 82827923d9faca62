package main

import (
	"io"
	"math"
	"os"
	"syscall"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// An output is where a command prints to, and tells when nobody reads that any more: what
// is printed to a pipe whose other end is closed is lost, and so is whoever waited for it.
type output struct {
	io.Writer

	// name is what people call it.
	name string

	// lost is told why nobody reads it, each time that something is lost.
	lost func(why error)
}

// Write writes.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	// Any other failure, such as of a disk that is full, may pass, and somebody may look at
	// what was written before it.
	if errors.Is(err, syscall.EPIPE) {
		o.lost(&unreadError{output: o.name})
	}

	return n, err
}

// Fd is the file's, for those who ask whether it is a terminal. There is none of anything
// else.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(*os.File); ok {
		return f.Fd()
	}

	return math.MaxUint
}

// An unreadError says that what is printed is lost.
type unreadError struct {
	output string
}

func (e *unreadError) Error() string { return "nobody reads " + e.output + " any more" }
