package components

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLDFlags(t *testing.T) {
	cases := map[string]struct {
		reason    string
		component Component
		version   string
		want      string
	}{
		"Unstamped": {
			reason:    "A program without stamps is only stripped.",
			component: Component{Name: "a"},
			version:   "v1.2.3",
			want:      "-s -w",
		},
		"Kubernetes": {
			reason:    "Clients parse the version, its major and its minor, in a stable order.",
			component: Component{Name: "a", Stamp: kubernetesVersion},
			version:   "v1.36.3",
			want: "-s -w" +
				" -X k8s.io/client-go/pkg/version.gitMajor=1 -X k8s.io/client-go/pkg/version.gitMinor=36 -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3" +
				" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36 -X k8s.io/component-base/version.gitVersion=v1.36.3",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ldflags(tc.component, tc.version)); diff != "" {
				t.Errorf("\n%s\nldflags(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestEnsureFromDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, Etcd), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason string
		names  []Component
		want   map[string]string
		fails  bool
	}{
		"There": {
			reason: "A user's own program is taken, and nothing is built.",
			names:  []Component{{Name: Etcd}},
			want:   map[string]string{Etcd: filepath.Join(dir, Etcd)},
		},
		"Missing": {
			reason: "A program that the user's directory lacks is not built behind the user's back.",
			names:  []Component{{Name: Etcd}, {Name: Kubectl}},
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := &Builder{Dir: dir, Out: io.Discard}

			got, err := b.Ensure(t.Context(), tc.names)
			if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
				t.Errorf("\n%s\nEnsure(...): want error %t, got %v; -want, +got:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestOwnDir(t *testing.T) {
	dir := t.TempDir()

	cases := map[string]struct {
		reason string
		value  string
		want   string
		fails  bool
	}{
		"Unset": {
			reason: "Without a directory, programs are built.",
		},
		"Absolute": {
			reason: "An absolute path is taken as it is.",
			value:  dir,
			want:   dir,
		},
		"Relative": {
			reason: "A relative path would name a different directory for each test, so it is refused.",
			value:  "bin",
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv(DirVariable, tc.value)

			b, err := NewBuilder(io.Discard)

			got := ""
			if err == nil {
				got = b.Dir
			}

			if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
				t.Errorf("\n%s\nNewBuilder(...): want error %t, got %v; -want, +got of the directory:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestKey(t *testing.T) {
	root := t.TempDir()
	tool := filepath.Join(root, "test", "tools", "a")

	if err := os.MkdirAll(tool, 0o750); err != nil {
		t.Fatal(err)
	}

	b := &Builder{Root: root}
	keys := map[string]bool{}

	for _, content := range []string{"module a\n", "module a // changed\n"} {
		if err := os.WriteFile(filepath.Join(tool, "go.mod"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}

		for _, c := range []Component{{Tool: "a"}, {Tool: "a", Stamp: crossplaneStamps}} {
			k, err := b.key(c, "v1.0.0")
			if err != nil {
				t.Fatal(err)
			}

			keys[k] = true
		}
	}

	if len(keys) != 4 {
		t.Errorf("key(...): what is built differently must be cached apart: %v", keys)
	}
}
