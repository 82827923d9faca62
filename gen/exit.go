package main

import (
	"os"
)

// Exit codes of the commands that compare.
const (
	// codeDiffers is for a comparison that found something.
	codeDiffers = 1

	// codeUnknown is for one that could not be made.
	codeUnknown = 2

	// codeKongUsage is what kong exits with when it does not understand its arguments.
	codeKongUsage = 80
)

// codeError is an error that the program exits with a code for.
type codeError struct {
	error

	code int
}

// Unwrap returns the error itself.
func (e codeError) Unwrap() error { return e.error }

// ExitCode is what kong asks for.
func (e codeError) ExitCode() int { return e.code }

// exit exits. That the arguments were wrong is no answer to what was asked either.
func exit(code int) {
	if code == codeKongUsage {
		code = codeUnknown
	}

	os.Exit(code)
}
