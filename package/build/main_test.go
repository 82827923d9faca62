package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A version that somebody has chosen stands for one commit.
func TestFlagsRelease(t *testing.T) {
	cases := map[string]struct {
		reason  string
		version string
		changed bool
		fails   bool
	}{
		"Chosen":        {reason: "The commit is that version.", version: "v1.2.3"},
		"ChosenChanged": {reason: "What nobody else has would go by that version and that commit.", version: "v1.2.3", changed: true, fails: true},
		"Changed":       {reason: "A version that is made of the sources says that they have changes.", changed: true},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()

			for _, args := range [][]string{
				{"init", "--quiet"},
				{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--allow-empty", "--message=First"},
			} {
				cmd := exec.CommandContext(t.Context(), "git", args...)
				cmd.Dir = dir

				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("git %v: %v\n%s", args, err, out)
				}
			}

			if tc.changed {
				if err := os.WriteFile(filepath.Join(dir, "new"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}

			if _, err := (flags{Root: dir, Version: tc.version}).release(t.Context()); (err != nil) != tc.fails {
				t.Errorf("%s\nrelease(...): want error %t, got %v", tc.reason, tc.fails, err)
			}
		})
	}
}
