package components

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/fetch"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/progress"
)

// checkout has a module that builds programs of these names, all of version v1.2.3.
func checkout(t *testing.T, names ...string) string {
	t.Helper()

	root := t.TempDir()
	tool := filepath.Join(root, "test", "tools", "tiny")
	requires := "module example.com/tools\n\ngo 1.26.0\n"

	for _, name := range names {
		requires += fmt.Sprintf("\nrequire example.com/%[1]s v1.2.3\n\nreplace example.com/%[1]s => ./%[1]s\n", name)

		writeFile(t, filepath.Join(tool, name, "go.mod"), "module example.com/"+name+"\n\ngo 1.26.0\n", 0o600)
		writeFile(t, filepath.Join(tool, name, "main.go"), "package main\n\nfunc main() {}\n", 0o600)
	}

	writeFile(t, filepath.Join(tool, "go.mod"), requires, 0o600)

	return root
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()

	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func tiny(name string) Component {
	return Component{Name: name, Tool: "tiny", Module: "example.com/" + name}
}

// fetched is a component that is taken from an image.
func fetched() Component {
	const name = "tiny"

	c := tiny(name)
	c.Image = func(version string) (fetch.Program, error) {
		return fetch.Program{Image: "registry.example.com/" + name + ":" + version, Version: version, Ask: []string{"--version"}}, nil
	}

	return c
}

// serve has a registry on 127.0.0.1 with an image of a program, whose layer is served by another
// handler when there is one.
func serve(t *testing.T, layer func(w http.ResponseWriter, r *http.Request, size int64)) string {
	t.Helper()

	const name = "tiny"

	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	serving := handler

	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serving.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)

	host := strings.TrimPrefix(s.URL, "http://")

	img, err := crane.Image(map[string][]byte{"bin/" + name: []byte("#!/bin/sh\necho " + name + " v1.2.3\n")})
	if err != nil {
		t.Fatal(err)
	}

	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}

	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.Config.Entrypoint = runtime.GOOS, runtime.GOARCH, []string{"/bin/" + name}

	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}

	if err := remote.Write(mustTag(t, host+"/"+name+":v1.2.3"), img); err != nil {
		t.Fatal(err)
	}

	if layer != nil {
		layers, err := img.Layers()
		if err != nil {
			t.Fatal(err)
		}

		digest, err := layers[0].Digest()
		if err != nil {
			t.Fatal(err)
		}

		size, err := layers[0].Size()
		if err != nil {
			t.Fatal(err)
		}

		serving = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/blobs/"+digest.String()) {
				layer(w, r, size)

				return
			}

			handler.ServeHTTP(w, r)
		})
	}

	return host
}

func mustTag(t *testing.T, tag string) name.Tag {
	t.Helper()

	ref, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}

	return ref
}

// begun is at the first of these targets.
func begun(out io.Writer, ts ...target) *progress.Progress {
	p := progress.New(out, nil, time.Now, 1, steps(ts))
	p.Begin(building)

	return p
}

// times are what a test cannot foresee in what is printed.
var times = regexp.MustCompile(` in \d+m?s; .*| after \d+m?s|; about .*`)

// made tells a program that was fetched from one that was built.
func made(t *testing.T, path string) string {
	t.Helper()

	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if bytes.HasPrefix(b, []byte("#!")) {
		return "fetched"
	}

	return "built"
}

func TestEnsure(t *testing.T) {
	const name = "tiny"

	cases := map[string]struct {
		reason    string
		component Component
		images    func(t *testing.T) *fetch.Fetcher
		want      string
		says      string
	}{
		"Built": {
			reason:    "Components are built, unless images are wished for.",
			component: fetched(),
			images:    func(*testing.T) *fetch.Fetcher { return nil },
			want:      "built",
			says:      "component 1 of 1: building tiny v1.2.3\ncomponent 1 of 1: tiny v1.2.3 built\n",
		},
		"Fetched": {
			reason:    "What an image has is taken out of it.",
			component: fetched(),
			images: func(t *testing.T) *fetch.Fetcher {
				t.Helper()

				return &fetch.Fetcher{Mirror: serve(t, nil)}
			},
			want: "fetched",
			says: "component 1 of 1: fetching tiny v1.2.3\ncomponent 1 of 1: tiny v1.2.3 fetched\n",
		},
		"NoImage": {
			reason: "What no image is good for is built, with why.",
			component: func() Component {
				c := tiny(name)
				c.NoImage = "nobody publishes it"

				return c
			}(),
			images: func(*testing.T) *fetch.Fetcher { return &fetch.Fetcher{} },
			want:   "built",
			says:   "component 1 of 1: building tiny v1.2.3\ntiny v1.2.3 is built: nobody publishes it\ncomponent 1 of 1: tiny v1.2.3 built\n",
		},
		"Missing": {
			reason:    "What cannot be had is built, with why.",
			component: fetched(),
			images: func(t *testing.T) *fetch.Fetcher {
				t.Helper()

				return &fetch.Fetcher{Mirror: serve(t, func(w http.ResponseWriter, _ *http.Request, _ int64) { w.WriteHeader(http.StatusNotFound) })}
			},
			want: "built",
			says: "component 1 of 1: fetching tiny v1.2.3\ntiny v1.2.3 is built: WHY\ncomponent 1 of 1: tiny v1.2.3 built\n",
		},
	}

	why := regexp.MustCompile(`is built: cannot .*`)

	for n, tc := range cases {
		t.Run(n, func(t *testing.T) {
			out := &bytes.Buffer{}
			b := &Builder{Root: checkout(t, name), Cache: t.TempDir(), Images: tc.images(t), Out: out}

			paths, err := b.Ensure(t.Context(), []Component{tc.component})
			if err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(tc.want, made(t, paths[name])); diff != "" {
				t.Errorf("\n%s\nEnsure(...): -want, +got:\n%s", tc.reason, diff)
			}

			said := why.ReplaceAllString(times.ReplaceAllString(out.String(), ""), "is built: WHY")
			if diff := cmp.Diff(tc.says, said); diff != "" {
				t.Errorf("\n%s\nEnsure(...): -want, +got of what is said:\n%s", tc.reason, diff)
			}

			out.Reset()

			again, err := b.Ensure(t.Context(), []Component{tc.component})
			if diff := cmp.Diff(paths, again); err != nil || diff != "" || out.Len() > 0 {
				t.Errorf("Ensure(...) again: want nothing made and nothing said, got %v and %q; -want, +got:\n%s", err, out, diff)
			}

			left(t, b.Cache, map[string]bool{paths[name]: true})
		})
	}
}

// left fails when the cache has other files than these and locks.
func left(t *testing.T, cache string, want map[string]bool) {
	t.Helper()

	err := filepath.WalkDir(cache, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) != ".lock" && !want[path] {
			t.Errorf("%s was left behind", path)
		}

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFetchedApart builds a program that was fetched before.
func TestFetchedApart(t *testing.T) {
	const name = "tiny"

	b := &Builder{Root: checkout(t, name), Cache: t.TempDir(), Images: &fetch.Fetcher{Mirror: serve(t, nil)}, Out: io.Discard}

	for _, want := range []string{"fetched", "built"} {
		paths, err := b.Ensure(t.Context(), []Component{fetched()})
		if err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(want, made(t, paths[name])); diff != "" {
			t.Errorf("Ensure(...): a program that was fetched must not be taken for one that was built: -want, +got:\n%s", diff)
		}

		b.Images = nil
	}
}

// TestBuildOnce waits for another process, and takes what that has made.
func TestBuildOnce(t *testing.T) {
	const name = "tiny"

	out := &bytes.Buffer{}
	b := &Builder{Root: checkout(t, name), Cache: t.TempDir(), Out: out}

	target, err := b.target(t.Context(), tiny(name))
	if err != nil {
		t.Fatal(err)
	}

	// It has come before us, but after we looked.
	writeFile(t, target.built, "", 0o700)

	if err := b.once(t.Context(), begun(out, target), target.built, "built", nil); err != nil {
		t.Fatal(err)
	}

	want := "component 1 of 1: building tiny v1.2.3\ncomponent 1 of 1: tiny v1.2.3 built by another process\n"
	if diff := cmp.Diff(want, times.ReplaceAllString(out.String(), "")); diff != "" {
		t.Errorf("once(...): -want, +got of what is said:\n%s", diff)
	}
}

// TestLockInterrupted gives up to wait for another process.
func TestLockInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")

	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	if _, err := lock(ctx, path); err == nil {
		t.Error("lock(...): want no lock that somebody else has")
	}

	unlock()

	unlock, err = lock(t.Context(), path)
	if err != nil {
		t.Fatalf("lock(...): want a lock that nobody waits for any more: %v", err)
	}

	unlock()
}

// TestFetchInterrupted interrupts a download in its midst.
func TestFetchInterrupted(t *testing.T) {
	const name = "tiny"

	ctx, cancel := context.WithCancel(t.Context())
	mirror := serve(t, func(w http.ResponseWriter, r *http.Request, size int64) {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()

		cancel()
		<-r.Context().Done()
	})

	out := &bytes.Buffer{}
	b := &Builder{Root: checkout(t, name), Cache: t.TempDir(), Images: &fetch.Fetcher{Mirror: mirror}, Out: out}

	if _, err := b.Ensure(ctx, []Component{fetched()}); err == nil {
		t.Error("Ensure(...): want an interrupted download to fail")
	}

	want := "component 1 of 1: fetching tiny v1.2.3\ncomponent 1 of 1: tiny v1.2.3 interrupted\n"
	if diff := cmp.Diff(want, times.ReplaceAllString(out.String(), "")); diff != "" {
		t.Errorf("Ensure(...): want nothing built: -want, +got of what is said:\n%s", diff)
	}

	left(t, b.Cache, nil)
}
