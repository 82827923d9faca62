// Package version says which version of the project a program is.
package version

import "runtime/debug"

// stamped is the version that a program was linked with; see package program.
//
//nolint:gochecknoglobals // The linker can set nothing else.
var stamped string

// String is the version that the program was linked with. Without one it is what Go
// has recorded: a version made of the commit, "(devel)" or, for tests, "unknown".
func String() string {
	if stamped != "" {
		return stamped
	}

	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}

	return "unknown"
}
