package profiles

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReload(t *testing.T) {
	type want struct {
		outcomes []error
		has      bool
	}

	cases := map[string]struct {
		reason   string
		versions []string
		want     want
	}{
		"Unchanged": {
			reason:   "A file that stays the same is not reported.",
			versions: []string{valid, valid},
			want:     want{has: true},
		},
		"Changed": {
			reason:   "A changed file is used.",
			versions: []string{"cluster_profiles: [{name: other, cluster_type: other}]"},
			want:     want{outcomes: []error{nil}},
		},
		"Broken": {
			reason:   "A broken version is reported once, and the last good one stays in use.",
			versions: []string{"cluster_profiles: [", "cluster_profiles: ["},
			want:     want{outcomes: []error{cmpopts.AnyError}, has: true},
		},
		"Repaired": {
			reason:   "A repaired file is noticed, even when it is as it was before it broke.",
			versions: []string{"nonsense", valid},
			want:     want{outcomes: []error{cmpopts.AnyError, nil}, has: true},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "profiles.yaml")
			write(t, path, valid)

			var got []error

			f, err := Open(path, WithReloadCallback(func(err error) { got = append(got, err) }))
			if err != nil {
				t.Fatalf("Open(...): %v", err)
			}

			for _, v := range tc.versions {
				write(t, path, v)
				f.reload()
			}

			if diff := cmp.Diff(tc.want.outcomes, got, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nreload(): -want outcomes, +got:\n%s", tc.reason, diff)
			}

			if _, has := f.Current().Get("aws"); has != tc.want.has {
				t.Errorf("%s\nCurrent(): want profile %t, got %t", tc.reason, tc.want.has, has)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("Open(...): want error for a file that does not exist")
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()

	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
