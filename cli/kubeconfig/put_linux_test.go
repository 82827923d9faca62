package kubeconfig

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Files are written as kubectl would, whatever they are.
func TestPut(t *testing.T) {
	const content = "content"

	cases := map[string]struct {
		reason string

		// make makes what is at a path in a directory.
		make func(t *testing.T, dir, path string)

		// written is where the content is, if not there, and left what is in the directory.
		written  string
		wantLeft map[string]os.FileMode
	}{
		"Nothing": {
			reason:   "A file is made.",
			make:     func(*testing.T, string, string) {},
			wantLeft: map[string]os.FileMode{"file": 0o600},
		},
		"File": {
			reason:   "One is replaced.",
			make:     func(t *testing.T, _, path string) { t.Helper(); former(t, path) },
			wantLeft: map[string]os.FileMode{"file": 0o600},
		},
		"Link": {
			reason: "A link stays one, and leads to what is written.",
			make: func(t *testing.T, dir, path string) {
				t.Helper()
				former(t, filepath.Join(dir, "target"))
				try(t, os.Symlink("target", path))
			},
			written:  "target",
			wantLeft: map[string]os.FileMode{"file": os.ModeSymlink, "target": 0o600},
		},
		"DanglingLink": {
			reason:   "So does one that leads to nothing yet.",
			make:     func(t *testing.T, _, path string) { t.Helper(); try(t, os.Symlink("target", path)) },
			written:  "target",
			wantLeft: map[string]os.FileMode{"file": os.ModeSymlink, "target": 0o600},
		},
		"HardLink": {
			reason: "A file of two names keeps both.",
			make: func(t *testing.T, dir, path string) {
				t.Helper()
				former(t, path)
				try(t, os.Link(path, filepath.Join(dir, "other")))
			},
			written:  "other",
			wantLeft: map[string]os.FileMode{"file": 0o600, "other": 0o600},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			tc.make(t, dir, path)

			if err := put(path, []byte(content), 0o600); err != nil {
				t.Fatalf("%s\nput(...): %v", tc.reason, err)
			}

			if tc.written == "" {
				tc.written = "file"
			}

			b, err := os.ReadFile(filepath.Join(dir, tc.written))
			try(t, err)

			if diff := cmp.Diff(content, string(b)); diff != "" {
				t.Errorf("%s\nput(...): -want, +got:\n%s", tc.reason, diff)
			}

			entries, err := os.ReadDir(dir)
			try(t, err)

			left := map[string]os.FileMode{}

			for _, e := range entries {
				info, err := e.Info()
				try(t, err)

				left[e.Name()] = info.Mode()
				if info.Mode().Type() == os.ModeSymlink {
					left[e.Name()] = os.ModeSymlink
				}
			}

			if diff := cmp.Diff(tc.wantLeft, left); diff != "" {
				t.Errorf("%s\nput(...): -want modes, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// A pipe is written to, and stays one.
func TestPutPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	try(t, syscall.Mkfifo(path, 0o600))

	read := make(chan string, 1)

	go func() {
		f, err := os.Open(filepath.Clean(path))
		if err != nil {
			read <- err.Error()

			return
		}

		b, _ := io.ReadAll(f)
		read <- string(b)
	}()

	try(t, put(path, []byte("content"), 0o600))

	if diff := cmp.Diff("content", <-read); diff != "" {
		t.Errorf("put(...): -want, +got:\n%s", diff)
	}
}

// Whoever may write everything leaves a file to whom it belongs.
func TestPutOwner(t *testing.T) {
	const uid, gid = 12345, 23456

	path := filepath.Join(t.TempDir(), "file")
	former(t, path)

	if err := os.Chown(path, uid, gid); err != nil {
		t.Skipf("only root gives files away: %v", err)
	}

	try(t, put(path, []byte("content"), 0o640))

	info, err := os.Stat(path)
	try(t, err)

	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("a file is a %T", info.Sys())
	}

	if diff := cmp.Diff([]uint32{uid, gid, 0o640}, []uint32{stat.Uid, stat.Gid, uint32(info.Mode().Perm())}); diff != "" {
		t.Errorf("owner, group and mode: -want, +got:\n%s", diff)
	}
}

// What is mounted cannot be replaced, and is written to.
func TestPutMount(t *testing.T) {
	dir := t.TempDir()
	path, source := filepath.Join(dir, "file"), filepath.Join(dir, "source")
	former(t, path)
	former(t, source)

	if err := syscall.Mount(source, path, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("only root may mount: %v", err)
	}

	t.Cleanup(func() { _ = syscall.Unmount(path, 0) })

	try(t, put(path, []byte("content"), 0o600))

	b, err := os.ReadFile(filepath.Clean(source))
	try(t, err)

	if diff := cmp.Diff("content", string(b)); diff != "" {
		t.Errorf("put(...): -want, +got:\n%s", diff)
	}
}

// former makes a file that others may read.
func former(t *testing.T, path string) {
	t.Helper()

	try(t, os.WriteFile(path, []byte("what was there before"), 0o644))
}

func try(t *testing.T, err error) {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
}
