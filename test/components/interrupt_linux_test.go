package components

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stuckGo is go but for the build of one program, which has a child that does not end by itself.
const stuckGo = `#!/bin/sh
case "$*" in
build*example.com/second)
	exec 3>"$FIFO"
	touch "$GOTMPDIR/left"
	sleep 10000 &
	echo building >&3
	wait
	;;
*) exec "$GO" "$@" ;;
esac
`

// TestInterrupt interrupts the second of three builds, and takes up there.
func TestInterrupt(t *testing.T) {
	names := []string{"first", "second", "third"}
	components := make([]Component, 0, len(names))

	for _, name := range names {
		components = append(components, tiny(name))
	}

	out := &bytes.Buffer{}
	b := &Builder{Root: checkout(t, names...), Cache: t.TempDir(), Out: out}

	interrupted(t, b, components)

	said := times.ReplaceAllString(out.String(), "")

	want := `component 1 of 3: building first v1.2.3
component 1 of 3: first v1.2.3 built
component 2 of 3: building second v1.2.3
component 2 of 3: second v1.2.3 interrupted
`
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("Ensure(...): -want, +got of what is said:\n%s", diff)
	}

	first, err := b.target(t.Context(), components[0])
	if err != nil {
		t.Fatal(err)
	}

	left(t, b.Cache, map[string]bool{first.built: true})
	out.Reset()

	if _, err := b.Ensure(t.Context(), components); err != nil {
		t.Fatal(err)
	}

	want = `component 1 of 2: building second v1.2.3
component 1 of 2: second v1.2.3 built
component 2 of 2: building third v1.2.3
component 2 of 2: third v1.2.3 built
`
	if diff := cmp.Diff(want, times.ReplaceAllString(out.String(), "")); diff != "" {
		t.Errorf("Ensure(...) again: want only what is missing built: -want, +got of what is said:\n%s", diff)
	}
}

// interrupted returns when all that a build has started has ended.
func interrupted(t *testing.T, b *Builder, components []Component) {
	t.Helper()

	tool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}

	bin, fifo := t.TempDir(), filepath.Join(t.TempDir(), "fifo")
	writeFile(t, filepath.Join(bin, "go"), stuckGo, 0o700)

	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}

	path := os.Getenv("PATH")
	defer os.Setenv("PATH", path) //nolint:errcheck,usetesting // The run that follows has the real one.

	t.Setenv("GO", tool)
	t.Setenv("FIFO", fifo)
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+path)

	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)

	go func() {
		_, err := b.Ensure(ctx, components)
		failed <- err
	}()

	f, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // It was only read.

	r := bufio.NewReader(f)
	if line, err := r.ReadString('\n'); err != nil {
		t.Fatalf("want a build begun, got %q: %v", line, err)
	}

	cancel()

	if err := <-failed; err == nil {
		t.Error("Ensure(...): want an interrupted build to fail")
	}

	// The child has the other end open until it ends.
	if _, err := io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
}
