package archive

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
)

func text(s string) File {
	return File{Mode: 0o444, Size: int64(len(s)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewBufferString(s)), nil
	}}
}

// entry is what a test compares of an archive's entry.
type entry struct {
	Name    string
	Mode    int64
	Made    time.Time
	Owner   [2]int
	Content string
}

func list(t *testing.T, r io.Reader) []entry {
	t.Helper()

	var es []entry

	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return es
		}

		if err != nil {
			t.Fatal(err)
		}

		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}

		es = append(es, entry{Name: h.Name, Mode: h.Mode, Made: h.ModTime.UTC(), Owner: [2]int{h.Uid, h.Gid}, Content: string(content)})
	}
}

func TestWrite(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))
	want := time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)

	cases := map[string]struct {
		reason string
		files  map[string]File
		want   []entry
	}{
		"Empty": {
			reason: "An archive may have nothing in it.",
		},
		"Sorted": {
			reason: "Files are in the order of their names, each directory once and before what is in it.",
			files:  map[string]File{"b/c/d": text("D"), "a": text("A"), "b/a": text("BA")},
			want: []entry{
				{Name: "a", Mode: 0o444, Made: want, Content: "A"},
				{Name: "b/", Mode: 0o755, Made: want},
				{Name: "b/a", Mode: 0o444, Made: want, Content: "BA"},
				{Name: "b/c/", Mode: 0o755, Made: want},
				{Name: "b/c/d", Mode: 0o444, Made: want, Content: "D"},
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			first, second := &bytes.Buffer{}, &bytes.Buffer{}
			for _, b := range []*bytes.Buffer{first, second} {
				if err := Write(b, tc.files, made); err != nil {
					t.Fatal(err)
				}
			}

			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Errorf("%s\nWrite(...): two archives of the same files differ", tc.reason)
			}

			if diff := cmp.Diff(tc.want, list(t, first)); diff != "" {
				t.Errorf("%s\nWrite(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestWriteFails(t *testing.T) {
	cases := map[string]struct {
		reason string
		file   File
	}{
		"TooShort": {
			reason: "An archive that lacks bytes would be read wrongly.",
			file:   File{Size: 2, Open: text("a").Open},
		},
		"Unreadable": {
			reason: "A file that cannot be read is not left out.",
			file:   File{Open: func() (io.ReadCloser, error) { return nil, os.ErrNotExist }},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := Write(io.Discard, map[string]File{"a": tc.file, "b": text("b")}, time.Time{}); err == nil {
				t.Errorf("%s\nWrite(...): want an error", tc.reason)
			}
		})
	}
}

func TestWriteDir(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	mode := os.FileMode(0o600)

	var got [2]bytes.Buffer

	for i, dir := range dirs {
		if err := os.MkdirAll(filepath.Join(dir, "d"), 0o700); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(filepath.Join(dir, "d", "f"), []byte("F"), mode); err != nil {
			t.Fatal(err)
		}

		if err := os.Chtimes(filepath.Join(dir, "d", "f"), time.Time{}, time.Unix(int64(i), 0)); err != nil {
			t.Fatal(err)
		}

		if err := WriteDir(&got[i], dir, time.Unix(9, 0)); err != nil {
			t.Fatal(err)
		}

		mode = 0o700
	}

	if !bytes.Equal(got[0].Bytes(), got[1].Bytes()) {
		t.Error("WriteDir(...): times, permissions and the place of files must not show")
	}

	made := time.Unix(9, 0).UTC()
	want := []entry{{Name: "d/", Mode: 0o755, Made: made}, {Name: "d/f", Mode: 0o644, Made: made, Content: "F"}}

	if diff := cmp.Diff(want, list(t, &got[0])); diff != "" {
		t.Errorf("WriteDir(...): -want, +got:\n%s", diff)
	}
}
