package reload

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	clocktesting "k8s.io/utils/clock/testing"
)

// parse takes a file to hold a number.
func parse(b []byte) (*int, error) {
	i, err := strconv.Atoi(string(b))

	return &i, err
}

func TestReload(t *testing.T) {
	type want struct {
		outcomes []error
		current  int
	}

	cases := map[string]struct {
		reason   string
		versions []string
		want     want
	}{
		"Unchanged": {
			reason:   "A file that stays the same is not reported.",
			versions: []string{"1", "1"},
			want:     want{current: 1},
		},
		"Changed": {
			reason:   "A changed file is used.",
			versions: []string{"2"},
			want:     want{outcomes: []error{nil}, current: 2},
		},
		"Broken": {
			reason:   "A broken version is reported once, and the last good one stays in use.",
			versions: []string{"nonsense", "nonsense"},
			want:     want{outcomes: []error{cmpopts.AnyError}, current: 1},
		},
		"Gone": {
			reason:   "A file that is gone is reported once, and its last version stays in use.",
			versions: []string{gone, gone},
			want:     want{outcomes: []error{cmpopts.AnyError}, current: 1},
		},
		"Repaired": {
			reason:   "A repaired file is noticed, even when it is as it was before it broke.",
			versions: []string{"nonsense", "1"},
			want:     want{outcomes: []error{cmpopts.AnyError, nil}, current: 1},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			write(t, path, "1")

			got := want{}

			f, err := Open(path, parse, WithCallback(func(err error) { got.outcomes = append(got.outcomes, err) }))
			if err != nil {
				t.Fatalf("Open(...): %v", err)
			}

			for _, v := range tc.versions {
				write(t, path, v)
				f.reload()
			}

			got.current = *f.Current()
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{}), cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nreload(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	write(t, broken, "nonsense")

	cases := map[string]struct {
		reason string
		path   string
	}{
		"Missing": {reason: "There is no version to fall back to.", path: filepath.Join(t.TempDir(), "missing")},
		"Broken":  {reason: "Nor is there when the first version is broken.", path: broken},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tc.path, parse)
			if diff := cmp.Diff(cmpopts.AnyError, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nOpen(%q): -want error, +got error:\n%s", tc.reason, tc.path, diff)
			}
		})
	}
}

// TestStart makes sure that a change is noticed while a program runs, and that who
// starts it can end it.
func TestStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "1")

	clk := clocktesting.NewFakeClock(time.Unix(0, 0))
	reloaded := make(chan error, 1)

	f, err := Open(path, parse, WithClock(clk), WithCallback(func(err error) { reloaded <- err }))
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)

	go func() { ended <- f.Start(ctx) }()

	write(t, path, "2")

	for !clk.HasWaiters() {
		runtime.Gosched()
	}

	clk.Step(checkInterval)

	if err := <-reloaded; err != nil || *f.Current() != 2 {
		t.Errorf("Start(...): want the changed file in use, got %d, error %v", *f.Current(), err)
	}

	cancel()

	if err := <-ended; err != nil {
		t.Errorf("Start(...): %v", err)
	}
}

// gone stands for a file that was removed.
const gone = "\x00"

func write(t *testing.T, path, content string) {
	t.Helper()

	if content == gone {
		_ = os.Remove(path)

		return
	}

	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
