package tasks

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Pipelines that take a task from the sources run it with the image of the last release. It
// knows the flags that it was released with, whatever tpc in the sources knows by now.
func TestFlagsOfImage(t *testing.T) {
	b, err := os.ReadFile("testdata/flags.txt")
	if err != nil {
		t.Fatal(err)
	}

	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	version, flags := strings.TrimPrefix(lines[0], "tpc "), lines[1:]

	for name := range interfaces() {
		for _, s := range readTask(t, name).Spec.Steps {
			if diff := cmp.Diff(image+version, s.Image); diff != "" {
				t.Errorf("task %s runs another release than the one whose flags are known: -want, +got:\n%s", name, diff)
			}

			for _, unknown := range unknownFlags(s.Args, flags) {
				t.Errorf("task %s: tpc %s does not know %s: a task can have it once a release has", name, version, unknown)
			}
		}
	}
}

// unknownFlags returns those of a command's arguments that are not among flags.
func unknownFlags(args, flags []string) []string {
	var unknown []string

	for _, arg := range args[1:] {
		if arg == "--" {
			break
		}

		flag, _, valued := strings.Cut(arg, "=")
		if valued {
			flag += "="
		}

		if !slices.Contains(flags, args[0]+" "+flag) {
			unknown = append(unknown, args[0]+" "+flag)
		}
	}

	return unknown
}

func TestUnknownFlags(t *testing.T) {
	flags := []string{"provision --wait", "provision --name=", "status --watch"}

	cases := map[string]struct {
		reason string
		args   []string
		want   []string
	}{
		"Known":          {reason: "What is known is.", args: []string{"provision", "--wait", "--name=$(params.name)"}},
		"New":            {reason: "What is new is not.", args: []string{"provision", "--new"}, want: []string{"provision --new"}},
		"OfAnother":      {reason: "Nor is what another command has.", args: []string{"provision", "--watch"}, want: []string{"provision --watch"}},
		"WithoutValue":   {reason: "A flag takes a value or does not.", args: []string{"provision", "--name"}, want: []string{"provision --name"}},
		"WithValue":      {reason: "A flag takes a value or does not.", args: []string{"provision", "--wait=yes"}, want: []string{"provision --wait="}},
		"AfterTheDashes": {reason: "What is no flag is not read.", args: []string{"status", "--watch", "--", "--name"}},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, unknownFlags(tc.args, flags)); diff != "" {
				t.Errorf("%s\nunknownFlags(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
