package kubeconfig

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config")

	// One that everybody can read.
	if err := os.WriteFile(file, []byte("former"), 0o644); err != nil {
		t.Fatal(err)
	}

	a, err := Parse(valid())
	if err != nil {
		t.Fatal(err)
	}

	if err := a.Write(file, "a/demo"); err != nil {
		t.Fatalf("Write(...): %v", err)
	}

	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(os.FileMode(0o600), info.Mode()); diff != "" {
		t.Errorf("Only the owner may read the file: -want mode, +got:\n%s", diff)
	}

	got, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}

	want := a.config("a/demo")
	for _, c := range []*clientcmdapi.Config{want, got} {
		// Where it was read from is no part of it.
		c.Clusters["a/demo"].LocationOfOrigin, c.AuthInfos["a/demo"].LocationOfOrigin, c.Contexts["a/demo"].LocationOfOrigin = "", "", ""
	}

	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Write(...): -want, +got:\n%s", diff)
	}

	if all, err := os.ReadDir(dir); len(all) != 1 || err != nil {
		t.Errorf("Write(...): want nothing else to be left, got %v, %v", all, err)
	}
}

func TestMerge(t *testing.T) {
	const own = `apiVersion: v1
clusters:
- cluster:
    certificate-authority: relative/ca.crt
    server: https://konflux.example
  name: konflux
contexts:
- context:
    cluster: konflux
    namespace: tenant-a
    user: me
  name: konflux
current-context: konflux
kind: Config
users:
- name: me
  user:
    tokenFile: relative/token
`

	const merged = `apiVersion: v1
clusters:
- cluster:
    server: https://c.example
  name: %
- cluster:
    certificate-authority: relative/ca.crt
    server: https://konflux.example
  name: konflux
contexts:
- context:
    cluster: %
    namespace: default
    user: %
  name: %
- context:
    cluster: konflux
    namespace: tenant-a
    user: me
  name: konflux
current-context: konflux
kind: Config
users:
- name: %
  user:
    token: TOPSECRET
- name: me
  user:
    tokenFile: relative/token
`

	demo := strings.ReplaceAll(merged, "%", "a/demo")

	cases := map[string]struct {
		reason  string
		file    string
		name    string
		use     bool
		want    string
		wantErr string
	}{
		"Own": {
			reason: "What was there stays as it is, with the paths in it and the current context.",
			file:   own,
			name:   "a/demo",
			want:   demo,
		},
		"Again": {
			reason: "What was merged before is replaced.",
			file:   strings.Replace(demo, "TOPSECRET", "former", 1),
			name:   "a/demo",
			want:   demo,
		},
		"Kept": {
			reason: "What the user has said of it since stays, and what came from the cluster is renewed.",
			file: `apiVersion: v1
clusters:
- cluster:
    certificate-authority: former/ca.crt
    insecure-skip-tls-verify: true
    proxy-url: http://proxy.example:3128
    server: https://c.example
    tls-server-name: inner.example
  name: a/demo
contexts:
- context:
    cluster: a/demo
    extensions:
    - extension:
        note: mine
      name: notes.example
    namespace: mine
    user: a/demo
  name: a/demo
current-context: a/demo
kind: Config
users:
- name: a/demo
  user:
    as: somebody
    client-certificate: former/client.crt
    token: former
`,
			name: "a/demo",
			want: `apiVersion: v1
clusters:
- cluster:
    proxy-url: http://proxy.example:3128
    server: https://c.example
    tls-server-name: inner.example
  name: a/demo
contexts:
- context:
    cluster: a/demo
    extensions:
    - extension:
        note: mine
      name: notes.example
    namespace: mine
    user: a/demo
  name: a/demo
current-context: a/demo
kind: Config
users:
- name: a/demo
  user:
    as: somebody
    token: TOPSECRET
`,
		},
		"Moved": {
			reason: "A name of another server's certificate is not this one's.",
			file:   strings.NewReplacer("server: https://c.example\n", "server: https://former.example\n    tls-server-name: former.example\n").Replace(demo),
			name:   "a/demo",
			want:   demo,
		},
		"Use": {
			reason: "The current context changes when that is asked for.",
			file:   own,
			name:   "a/demo",
			use:    true,
			want:   strings.Replace(demo, "current-context: konflux", "current-context: a/demo", 1),
		},
		"Taken": {
			reason:  "A context of the user's own is not replaced.",
			file:    own,
			name:    "konflux",
			want:    own,
			wantErr: `FILE has a context "konflux" already, of cluster "konflux": choose another with --context-name`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte(tc.file), 0o644); err != nil {
				t.Fatal(err)
			}

			a, err := Parse(valid())
			if err != nil {
				t.Fatal(err)
			}

			gotErr := ""
			if err := a.Merge(t.Context(), file, tc.name, tc.use); err != nil {
				gotErr = strings.ReplaceAll(err.Error(), file, "FILE")
			}

			if diff := cmp.Diff(tc.wantErr, gotErr); diff != "" {
				t.Errorf("%s\nMerge(...): -want error, +got:\n%s", tc.reason, diff)
			}

			got, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("%s\nMerge(...): -want, +got:\n%s", tc.reason, diff)
			}

			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}

			// Whose file it is decides who may read it.
			if got, want := info.Mode().Perm(), os.FileMode(0o644); got != want {
				t.Errorf("%s\nMerge(...): want mode %o, got %o", tc.reason, want, got)
			}
		})
	}
}

// A file that does not exist, in a directory that does not, is made for its owner only.
func TestMergeNew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kube", "config")

	a, err := Parse(valid())
	if err != nil {
		t.Fatal(err)
	}

	if err := a.Merge(t.Context(), file, "demo", false); err != nil {
		t.Fatalf("Merge(...): %v", err)
	}

	for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}

		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s: want %o, got %o", path, want, got)
		}
	}

	cfg, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff("TOPSECRET", cfg.AuthInfos["demo"].Token); diff != "" {
		t.Errorf("Merge(...): -want token, +got:\n%s", diff)
	}
}

// What others write while they have the file locked is kept.
func TestMergeLocked(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config")

	// It is a link, whose target others read without locking it.
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	if err := os.Symlink("target", file); err != nil {
		t.Fatal(err)
	}

	a, err := Parse(valid())
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file+".lock", nil, 0); err != nil {
		t.Fatal(err)
	}

	merged := make(chan error, 1)

	go func() { merged <- a.Merge(t.Context(), file, "demo", false) }()

	if err := a.Write(target, "other"); err != nil {
		t.Fatal(err)
	}

	if err := os.Remove(file + ".lock"); err != nil {
		t.Fatal(err)
	}

	if err := <-merged; err != nil {
		t.Fatalf("Merge(...): %v", err)
	}

	cfg, err := clientcmd.LoadFromFile(target)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff([]string{"demo", "other"}, slices.Sorted(maps.Keys(cfg.Contexts))); diff != "" {
		t.Errorf("contexts: -want, +got:\n%s", diff)
	}

	if info, err := os.Lstat(file); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("want the link to stay one, got %v, %v", info, err)
	}

	if all, err := os.ReadDir(dir); len(all) != 2 || err != nil {
		t.Errorf("want nothing else to be left, got %v, %v", all, err)
	}
}

// A lock that nobody takes away is told of.
func TestMergeLeftLocked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")

	a, err := Parse(valid())
	if err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file+".lock", nil, 0); err != nil {
		t.Fatal(err)
	}

	synctest.Test(t, func(t *testing.T) {
		want := "another program is changing FILE: if none is, remove FILE.lock"

		got := a.Merge(t.Context(), file, "demo", false)
		if diff := cmp.Diff(want, strings.ReplaceAll(got.Error(), file, "FILE")); diff != "" {
			t.Errorf("Merge(...): -want error, +got:\n%s", diff)
		}
	})
}
