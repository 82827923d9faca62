package source

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// repository makes a repository with one commit, and returns it and the commit.
func repository(t *testing.T) (string, string) {
	t.Helper()

	dir := t.TempDir()

	for _, args := range [][]string{
		{"init", "--quiet"},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "--message=First"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:05+01:00")

		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}

	head, err := git(t.Context(), dir, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}

	return dir, head
}

func TestRead(t *testing.T) {
	dir, head := repository(t)
	changed, changedHead := repository(t)

	if err := os.WriteFile(filepath.Join(changed, "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}

	// What a user may have set for their own eyes.
	if _, err := git(t.Context(), changed, "config", "status.showUntrackedFiles", "no"); err != nil {
		t.Fatal(err)
	}

	cases := map[string]struct {
		reason  string
		dir     string
		epoch   string
		want    State
		version string
	}{
		"Committed": {
			reason:  "The time is the commit's, in UTC, and so is an unreleased version's.",
			dir:     dir,
			want:    State{Revision: head, Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)},
			version: "v0.0.0-20260102020405-" + head[:12],
		},
		"Changed": {
			reason:  "A version says that nobody else has its sources.",
			dir:     changed,
			want:    State{Revision: changedHead, Time: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC), Changes: "?? new"},
			version: "v0.0.0-20260102020405-" + changedHead[:12] + ".changed",
		},
		"Epoch": {
			reason:  "Who packages this may set the time.",
			dir:     dir,
			epoch:   "1000000000",
			want:    State{Revision: head, Time: time.Unix(1000000000, 0).UTC()},
			version: "v0.0.0-20010909014640-" + head[:12],
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.epoch != "" {
				t.Setenv(EpochVariable, tc.epoch)
			}

			got, err := Read(t.Context(), tc.dir)
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s\nRead(...): got error %v; -want, +got:\n%s", tc.reason, err, diff)
			}

			if diff := cmp.Diff(tc.version, got.Version()); diff != "" {
				t.Errorf("%s\nVersion(): -want, +got:\n%s", tc.reason, diff)
			}

			if err := CheckVersion(got.Version()); err != nil {
				t.Errorf("%s\nVersion(): %v", tc.reason, err)
			}

			if err := got.CheckRelease(); (err != nil) != (tc.want.Changes != "") {
				t.Errorf("%s\nCheckRelease(): got error %v", tc.reason, err)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	t.Run("NoRepository", func(t *testing.T) {
		// The directories of tests may be below a repository.
		t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())

		if _, err := Read(t.Context(), t.TempDir()); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("Read(...): want an error of one line, got %v", err)
		}
	})

	t.Run("Epoch", func(t *testing.T) {
		t.Setenv(EpochVariable, "today")

		dir, _ := repository(t)
		if _, err := Read(t.Context(), dir); err == nil {
			t.Error("Read(...): want an error for a time that is none")
		}
	})
}

func TestCheckVersion(t *testing.T) {
	cases := map[string]struct {
		reason  string
		version string
		fails   bool
	}{
		"Release":      {reason: "A release.", version: "v1.2.3"},
		"Candidate":    {reason: "A version before a release.", version: "v1.2.3-rc.1"},
		"Empty":        {reason: "Nobody has chosen this.", fails: true},
		"NoV":          {reason: "Go's and Crossplane's versions start with v.", version: "1.2.3", fails: true},
		"Short":        {reason: "There is one way to write a version.", version: "v1.2", fails: true},
		"Metadata":     {reason: "A tag cannot have a +.", version: "v1.2.3+a", fails: true},
		"LeadingZeros": {reason: "Semantic versions have none.", version: "v1.02.3", fails: true},
		"Path":         {reason: "A version names a directory.", version: "v1.2.3-../..", fails: true},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := CheckVersion(tc.version); (err != nil) != tc.fails {
				t.Errorf("%s\nCheckVersion(%q): want error %t, got %v", tc.reason, tc.version, tc.fails, err)
			}
		})
	}
}
