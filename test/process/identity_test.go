//go:build linux

package process

import (
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	cases := map[string]struct {
		reason string
		line   string
		want   stat
		fails  bool
	}{
		"Running": {
			reason: "The state, the group and the start time are the third, fifth and twenty-second field.",
			line:   "42 (sh) S 1 40 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4711 1000 200",
			want:   stat{state: "S", group: 40, start: 4711},
		},
		"NameWithParentheses": {
			reason: "A program may be called anything.",
			line:   "42 (a) Z 1 (b) ) R 1 40 7 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 4711 1000 200",
			want:   stat{state: "R", group: 40, start: 4711},
		},
		"Short": {
			reason: "A line that lacks the start time is refused.",
			line:   "42 (sh) S 1 40 7",
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(tc.line))
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(stat{})); diff != "" || (err != nil) != tc.fails {
				t.Errorf("\n%s\nparseStat(...): want error %t, got %v; -want, +got:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestRunning(t *testing.T) {
	self, err := Identify("self", os.Getpid())
	if err != nil {
		t.Fatal(err)
	}

	unreaped := exec.CommandContext(t.Context(), "/bin/true")
	if err := unreaped.Start(); err != nil {
		t.Fatal(err)
	}

	defer unreaped.Wait() //nolint:errcheck // Only to reap it.

	ended, err := Identify("unreaped", unreaped.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}

	eventually(t, func() bool { return !alive(ended.PID) })

	laterBoot, laterStart := self, self
	laterBoot.Boot = "another"
	laterStart.Start--

	cases := map[string]struct {
		reason string
		id     Identity
		want   bool
	}{
		"Runs":       {reason: "A process runs.", id: self, want: true},
		"Unreaped":   {reason: "A process that has ended does not run, although its id is taken.", id: ended},
		"Reaped":     {reason: "A process that is gone does not run.", id: gone(t)},
		"OtherBoot":  {reason: "A process of an earlier boot had the same id.", id: laterBoot},
		"OtherStart": {reason: "An earlier process had the same id.", id: laterStart},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.id.Running(); got != tc.want {
				t.Errorf("\n%s\nRunning(): want %t, got %t", tc.reason, tc.want, got)
			}
		})
	}
}
