package request

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

// lines are the problems of a command line, with the schema's.
func lines(t *testing.T, p Params) []string {
	t.Helper()

	r, problems := New(p, "tenant-a", strings.NewReader(""))
	problems = append(problems, r.Check(served.New(xrdtest.Schema(t, xrdtest.Claims)))...)

	if len(problems) == 0 {
		return nil
	}

	return strings.Split(problems.Error(), "\n")
}

func TestProblems(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)

	write(t, dir, "releases.yaml", "latest:\n  release:\n    chanel: stable\n    channel: stable\n    version: '4.20'\n")
	write(t, dir, "two.yaml", "a: {}\n---\nb: {}\n")
	write(t, dir, "twice.yaml", "A: a\nA: b\n")
	write(t, dir, "broken.json", "{\"A\": \"a\"\n")
	write(t, dir, "pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: demo}\nspec: {}\n")
	write(t, dir, "list.yaml", "- a\n")
	write(t, dir, "misspelt.yaml", `apiVersion: ci.openshift.org/v1alpha1
kind: TestPlatformCluster
metadata: {name: demo}
spec: {ciOperator: {
  relases: `+releases+`,
  test: {workfow: w, clusterprofile: aws}}}
`)

	for name, content := range map[string]string{"env/A=B": "x", "binary/KEY": "\xff\x00SECRET", "nul/KEY": "SECRET\x00", "mark/KEY": "\uFEFFSECRET"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}

		write(t, dir, name, content)
	}

	long := strings.Repeat("x", 64)

	cases := map[string]struct {
		reason string
		params Params
		want   []string
	}{
		"None": {
			reason: "Nothing is wrong with what is valid.",
			params: valid(),
		},
		"Nothing": {
			reason: "All that is missing is told at once.",
			params: Params{},
			want: []string{
				"--name: is required",
				"--workflow: is required",
				"--cluster-profile, --cluster-claim: one of them must be set, and neither is",
			},
		},
		"Misspelt": {
			reason: "What is only misspelt is not told to be missing as well.",
			params: Params{Filename: "misspelt.yaml"},
			want: []string{
				`--filename (misspelt.yaml:5): spec.ciOperator.relases: unknown field, did you mean "releases"?`,
				`--filename (misspelt.yaml:6): spec.ciOperator.test.clusterprofile: unknown field, did you mean "clusterProfile"?`,
				`--filename (misspelt.yaml:6): spec.ciOperator.test.workfow: unknown field, did you mean "workflow"?`,
			},
		},
		"NUL": {
			reason: "Nothing can have it in its environment, wherever it comes from.",
			params: with(func(p *Params) { p.Env = `{"A": "SECRET\u0000"}` }),
			want:   []string{"--env: A: has a NUL byte, which no environment variable can have"},
		},
		"NULFile": {
			reason: "So it is with a file.",
			params: with(func(p *Params) { p.EnvFrom = "nul" }),
			want:   []string{`--env-from: file "KEY" has a NUL byte, which no environment variable can have`},
		},
		"ByteOrderMark": {
			reason: "What cannot be seen in a value is told of.",
			params: with(func(p *Params) { p.EnvFrom = "mark" }),
			want:   []string{`--env-from: file "KEY" begins with a byte order mark, which would be part of the value: save it without`},
		},
		"EmptyVersion": {
			reason: "What is required is not empty: app.ci would not even get to see it.",
			params: with(func(p *Params) {
				p.Releases = `{"latest":{"release":{"channel":"stable","version":"","architecture":"multi"}}}`
			}),
			want: []string{"--releases: latest.release.version: is required, and is empty"},
		},
		"EmptyInList": {
			reason: "So it is in lists.",
			params: with(func(p *Params) {
				p.BuildRoot = `{project_image: {inputs: {a: {paths: [{source_path: /a, destination_dir: ""}]}}}}`
			}),
			want: []string{"--build-root: project_image.inputs.a.paths[0].destination_dir: is required, and is empty"},
		},
		"Versions": {
			reason: "There is no such version of anything.",
			params: with(func(p *Params) {
				p.Releases = `{latest: {release: {channel: stable, version: "4.16."}}, initial: {candidate: {product: ocp, stream: nightly, version: "4"}}, other: {release: {channel: stable, version: 4.20.1-rc.2}}}`
			}),
			want: []string{
				`--releases: initial.candidate.version: should match '^[0-9]+\.[0-9]+$'`,
				`--releases: latest.release.version: should match '^[0-9]+\.[0-9]+$'`,
				`--releases: other.release.version: should match '^[0-9]+\.[0-9]+$'`,
			},
		},
		"ClaimVersion": {
			reason: "Nor does a pool have it.",
			params: Params{Name: "demo", Workflow: "generic-claim", ClusterClaim: `{cloud: aws, owner: o, version: "v5"}`},
			want:   []string{`--cluster-claim: version: "v5" is not a version: it must be such as 4.20, or 4.20.1`},
		},
		"Both": {
			reason: "A cluster comes from one place.",
			params: with(func(p *Params) { p.ClusterClaim = `{cloud: aws, owner: o, version: "4.20"}` }),
			want:   []string{"--cluster-profile, --cluster-claim: one of them must be set, not both"},
		},
		"Neither": {
			reason: "And from any.",
			params: with(func(p *Params) { p.ClusterProfile = "" }),
			want:   []string{"--cluster-profile, --cluster-claim: one of them must be set, and neither is"},
		},
		"NoReleases": {
			reason: "What is to be installed must be said.",
			params: with(func(p *Params) { p.Releases = "" }),
			want:   []string{"--releases: is required with a cluster profile"},
		},
		"NameTooLong": {
			reason: "The name is to be a label of the ProwJob.",
			params: with(func(p *Params) { p.Name = long }),
			want:   []string{"--name: is too long: it has 64 characters, and may have 63"},
		},
		"NameInvalid": {
			reason: "It is to be a name, too.",
			params: with(func(p *Params) { p.Name = "Demo_1" }),
			want: []string{
				`--name: "Demo_1" is not a name: it must have lower case letters, digits, "-" and "." only, and begin and end with a letter or digit`,
			},
		},
		"SecretName": {
			reason: "So is the Secret's.",
			params: with(func(p *Params) { p.SecretName = "a/b" }),
			want: []string{
				`--secret-name: "a/b" is not a name: it must have lower case letters, digits, "-" and "." only, and begin and end with a letter or digit`,
			},
		},
		"OwnerParts": {
			reason: "An owner has three parts.",
			params: with(func(p *Params) { p.Owner = "PipelineRun/run" }),
			want:   []string{"--owner: must be KIND/NAME/UID, such as PipelineRun/my-run/7c1d9e2b-5f80-4a6e-9b3d-2e1f0a9c8b7d"},
		},
		"OwnerKind": {
			reason: "It is Tekton's.",
			params: with(func(p *Params) { p.Owner = "Pod/run/uid" }),
			want:   []string{`--owner: must be a PipelineRun or a TaskRun, not a "Pod"`},
		},
		"PipelineRunName": {
			reason: "What is to name the job must be a name.",
			params: with(func(p *Params) { p.PipelineRunName = "$(context.pipelineRun.name)" }),
			want: []string{
				`--pipeline-run-name: "$(context.pipelineRun.name)" is not a name: it must have lower case letters, digits, "-" and "." only, and begin and end with a letter or digit`,
			},
		},
		"Releases": {
			reason: "A number must be quoted, and a misspelt field is named beside it.",
			params: with(func(p *Params) { p.Releases = `{latest: {release: {chanel: stable, version: 4.20}}}` }),
			want: []string{
				`--releases: latest.release.chanel: unknown field, did you mean "channel"?`,
				"--releases: latest.release.version: must be a string, not a number; put it in quotes",
			},
		},
		"ReleasesFile": {
			reason: "In a file, the line is told.",
			params: with(func(p *Params) { p.Releases = "@releases.yaml" }),
			want:   []string{`--releases (releases.yaml:3): latest.release.chanel: unknown field, did you mean "channel"?`},
		},
		"InlineLines": {
			reason: "As it is in text of several lines.",
			params: with(func(p *Params) { p.Env = "\nA: a\nB: 2\n" }),
			want:   []string{"--env (line 3): B: must be a string, not an integer; put it in quotes"},
		},
		"NoFile": {
			reason: "A file that does not exist is named.",
			params: with(func(p *Params) { p.Releases = "@none.yaml" }),
			want:   []string{"--releases: open none.yaml: no such file or directory"},
		},
		"ForgottenAt": {
			reason: "A forgotten @ is guessed.",
			params: with(func(p *Params) { p.Releases = "releases.yaml" }),
			want:   []string{"--releases: must be an object, not a string; to read it from a file, write @ before the file's name"},
		},
		"BuildRoot": {
			reason: "Each object is checked: the build root,",
			params: with(func(p *Params) { p.BuildRoot = `{image_stream_tag: {name: release, namespace: openshift}}` }),
			want:   []string{"--build-root: image_stream_tag.tag: is required"},
		},
		"BaseImages": {
			reason: "base images,",
			params: with(func(p *Params) { p.BaseImages = `{"ubi9.2": {name: ubi, namespace: ocp, tag: 9}}` }),
			want:   []string{`--base-images: ["ubi9.2"].tag: must be a string, not an integer; put it in quotes`},
		},
		"ExternalImages": {
			reason: "external images,",
			params: with(func(p *Params) { p.ExternalImages = `{a: {name: a, namespace: b, tag: c, registry: d, pullSecret: e}}` }),
			want:   []string{`--external-images: a.pullSecret: unknown field, did you mean "pull_secret"?`},
		},
		"Resources": {
			reason: "resources,",
			params: with(func(p *Params) { p.Resources = `{"*": {limits: {memory: 4, cpu: "1"}}}` }),
			want:   []string{"--resources: *.limits.memory: must be a string, not an integer; put it in quotes"},
		},
		"ClusterClaim": {
			reason: "the cluster claim,",
			params: Params{Name: "demo", Workflow: "w", ClusterClaim: `{"cloud": "aws", "owner": "o", "labels": ["a"]}`},
			want: []string{
				"--cluster-claim: labels: must be an object, not an array",
				"--cluster-claim: version: is required",
			},
		},
		"Env": {
			reason: "and the environment.",
			params: with(func(p *Params) { p.Env = `["A=B"]` }),
			want:   []string{"--env: must be an object, not an array"},
		},
		"NotYAML": {
			reason: "What cannot be read is not repeated.",
			params: with(func(p *Params) { p.Env = `{"TOKEN": "SECRET"` }),
			want:   []string{"--env: is neither JSON nor YAML: yaml: line 1: did not find expected ',' or '}'"},
		},
		"NotYAMLFile": {
			reason: "Nor is it in a file.",
			params: with(func(p *Params) { p.Env = "@broken.json" }),
			want:   []string{"--env: is neither JSON nor YAML: yaml: line 1: did not find expected ',' or '}'"},
		},
		"Twice": {
			reason: "A key that is there twice would lose a value.",
			params: with(func(p *Params) { p.Env = "@twice.yaml" }),
			want:   []string{`--env: is neither JSON nor YAML: yaml: unmarshal errors: line 2: key "A" already set in map`},
		},
		"TwoDocuments": {
			reason: "So would a second document.",
			params: with(func(p *Params) { p.BaseImages = "@two.yaml" }),
			want:   []string{"--base-images: must be one document of JSON or YAML, and has more"},
		},
		"EnvFromMissing": {
			reason: "A directory that does not exist is named,",
			params: with(func(p *Params) { p.EnvFrom = "nowhere" }),
			want:   []string{"--env-from: open nowhere: no such file or directory"},
		},
		"EnvFromName": {
			reason: "as is a file that cannot be a variable,",
			params: with(func(p *Params) { p.EnvFrom = "env" }),
			want:   []string{`--env-from: file "A=B" does not have the name of an environment variable`},
		},
		"EnvFromBinary": {
			reason: "or is not text, which is not repeated.",
			params: with(func(p *Params) { p.EnvFrom = "binary" }),
			want:   []string{`--env-from: file "KEY" is not text`},
		},
		"OtherKind": {
			reason: "A manifest is one of a TestPlatformCluster.",
			params: Params{Filename: "pod.yaml", Workflow: "w", ClusterProfile: "aws", Releases: releases},
			want:   []string{"--filename (pod.yaml:2): kind: must be TestPlatformCluster, of apiVersion ci.openshift.org/v1alpha1"},
		},
		"NoObject": {
			reason: "It is an object.",
			params: with(func(p *Params) { p.Filename = "list.yaml" }),
			want:   []string{"--filename: must be the manifest of a TestPlatformCluster"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lines(t, tc.params)); diff != "" {
				t.Errorf("%s\nproblems: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
