package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// released has the flags of the release whose image the tasks in tasks/ run.
const released = "../tasks/testdata/flags.txt"

// flags are those of all commands, a line each, behind their command.
func flags(t *testing.T) []string {
	t.Helper()

	p, err := (&cli{}).parser(t.Context(), &world{name: "tpc", out: &buffer{}, err: &buffer{}})
	must(t, err)

	var all []string

	for _, command := range p.Model.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, f := range group {
				line := command.Path() + " --" + f.Name
				if !f.IsBool() {
					line += "="
				}

				all = append(all, line)
			}
		}
	}

	slices.Sort(all)

	return slices.Compact(all)
}

// Tasks of a release run its own image with arguments that the release before it knows. So
// no flag goes, or becomes one that takes a value. Once a release is out, -update writes
// its flags.
func TestFlags(t *testing.T) {
	if *update {
		task, err := os.ReadFile("../tasks/provision-ephemeral-cluster/0.1/provision-ephemeral-cluster.yaml")
		must(t, err)

		image := regexp.MustCompile(`image: .*/tpc:(\S+)`).FindSubmatch(task)
		text := fmt.Sprintf("tpc %s\n%s\n", image[1], strings.Join(flags(t), "\n"))
		must(t, os.WriteFile(released, []byte(text), 0o600))
	}

	b, err := os.ReadFile(released)
	must(t, err)

	now := flags(t)

	for _, before := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		if !slices.Contains(now, before) {
			t.Errorf("flag %s of the last release is gone, or another", before)
		}
	}
}
