package request

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/served"
)

const releases = `{latest: {release: {channel: stable, version: "4.20"}}}`

// valid are parameters that nothing is wrong with.
func valid() Params {
	return Params{Name: "demo", Workflow: "ipi-aws", ClusterProfile: "aws", Releases: releases}
}

func with(change func(p *Params)) Params {
	p := valid()
	change(&p)

	return p
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()

	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "releases.yaml", "latest:\n  release:\n    channel: fast\n    version: '4.21'\n")

	env := filepath.Join(dir, "env")
	if err := os.MkdirAll(filepath.Join(env, "..2024_01_01"), 0o700); err != nil {
		t.Fatal(err)
	}

	write(t, filepath.Join(env, "..2024_01_01"), "TOKEN", "two\nlines\n")
	write(t, env, "B", "from a file\r\n")
	write(t, env, "EMPTY", "")
	write(t, env, ".gitkeep", "not a variable")

	for link, target := range map[string]string{"..data": "..2024_01_01", "TOKEN": "..data/TOKEN"} {
		if err := os.Symlink(target, filepath.Join(env, link)); err != nil {
			t.Fatal(err)
		}
	}

	manifest := write(t, dir, "claim.yaml", `
apiVersion: ci.openshift.org/v1alpha1
kind: TestPlatformCluster
metadata: {name: from-file, labels: {a: b}}
spec:
  writeConnectionSecretToRef: {name: own}
  ciOperator:
    releases: `+releases+`
    test: {workflow: ipi-gcp, clusterProfile: gcp, env: {A: "1", B: "2"}}
`)

	exported := write(t, dir, "exported.yaml", `
# As kubectl get -o yaml writes it.
---
apiVersion: ci.openshift.org/v1alpha1
kind: TestPlatformCluster
metadata:
  name: from-file
  uid: 7c1d
  resourceVersion: "42"
  generation: 3
  creationTimestamp: "2026-01-02T03:04:05Z"
  managedFields: [{manager: kubectl}]
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", note: mine}
  labels: {crossplane.io/claim-name: from-file}
spec:
  compositionRevisionRef: {name: testplatform-ephemeral-cluster-1}
  resourceRef: {apiVersion: ci.openshift.org/v1alpha1, kind: XTestPlatformCluster, name: from-file-x7k2p}
  writeConnectionSecretToRef: {name: own}
  ciOperator:
    releases: `+releases+`
    test: {workflow: ipi-gcp, clusterProfile: gcp}
status: {secretRef: from-file-x7k2p-credentials}
---
`)

	cases := map[string]struct {
		reason string
		params Params
		stdin  string
		want   string
	}{
		"Exported": {
			reason: "What others keep of an object that exists is asked of nobody; documents without anything are none.",
			params: Params{Filename: exported},
			want: `
metadata: {name: from-file, namespace: tenant-a, annotations: {note: mine}, labels: {}}
spec:
  ciOperator:
    releases: ` + releases + `
    test: {workflow: ipi-gcp, clusterProfile: gcp}
  writeConnectionSecretToRef: {name: own}`,
		},
		"Keys": {
			reason: "Keys stay what was typed, whatever YAML once took them for.",
			params: with(func(p *Params) {
				p.Env = `{N: "3", y: "1", on: "2", No: "4", "off": "5", 010: "6", 1.0: "7", null: "8", ~: "9", 2026-01-02: "10", a: "11"}`
			}),
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: ` + releases + `
    test:
      workflow: ipi-aws
      clusterProfile: aws
      env: {"N": "3", "y": "1", "on": "2", "No": "4", "off": "5", "010": "6", "1.0": "7", "null": "8", "~": "9", "2026-01-02": "10", a: "11"}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"KeysOfAnchors": {
			reason: "So they do in what is merged, and their values stay, too.",
			params: with(func(p *Params) {
				p.Releases = "latest: &latest\n  release: &r {channel: stable, version: '4.20'}\n\"on\": *latest\ny:\n  release:\n    <<: *r\n    architecture: arm64\n"
			}),
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases:
      latest: {release: {channel: stable, version: "4.20"}}
      "on": {release: {channel: stable, version: "4.20"}}
      "y": {release: {channel: stable, version: "4.20", architecture: arm64}}
    test: {workflow: ipi-aws, clusterProfile: aws}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"Least": {
			reason: "Without more, the build root and the Secret have their defaults.",
			params: valid(),
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: ` + releases + `
    test: {workflow: ipi-aws, clusterProfile: aws}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"Task": {
			reason: "Empty parameters are left out, as a pipeline passes all of them.",
			params: Params{
				Name: "run-1-provision", SecretName: "run-1-secret", Owner: "PipelineRun/run-1/7c1d", Workflow: "generic-claim",
				ClusterProfile: "", ClusterClaim: `{"cloud": "aws", "owner": "o", "version": "4.20"}`, Releases: "{}", Env: `{"A": ""}`, Resources: "",
				BuildRoot: `{"from_repository": true}`, BaseImages: "{}", ExternalImages: " ", PipelineRunName: "run-1", TaskRunName: "run-1-provision",
			},
			want: `
metadata:
  name: run-1-provision
  namespace: tenant-a
  annotations:
    ephemeralcluster.ci.openshift.io/pipeline-run-name: run-1
    ephemeralcluster.ci.openshift.io/task-run-name: run-1-provision
  ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: run-1, uid: 7c1d}]
spec:
  ciOperator:
    buildRoot: {from_repository: true}
    test: {workflow: generic-claim, clusterClaim: {cloud: aws, owner: o, version: "4.20"}, env: {A: ""}}
  writeConnectionSecretToRef: {name: run-1-secret}`,
		},
		"OwnerNames": {
			reason: "A PipelineRun that owns a cluster names its job, too.",
			params: with(func(p *Params) { p.Owner = "PipelineRun/run-1/7c1d" }),
			want: `
metadata:
  name: demo
  namespace: tenant-a
  annotations: {ephemeralcluster.ci.openshift.io/pipeline-run-name: run-1}
  ownerReferences: [{apiVersion: tekton.dev/v1, kind: PipelineRun, name: run-1, uid: 7c1d}]
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: ` + releases + `
    test: {workflow: ipi-aws, clusterProfile: aws}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"EmptyClaim": {
			reason: "An empty cluster claim is none, and does not clash with a profile.",
			params: with(func(p *Params) { p.ClusterClaim = "{}" }),
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: ` + releases + `
    test: {workflow: ipi-aws, clusterProfile: aws}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"Files": {
			reason: "Objects may be in files, and environment variables in a mounted Secret, which wins.",
			params: with(func(p *Params) { p.Releases, p.Env, p.EnvFrom = "@"+file, `{"A": "a", "B": "b"}`, env }),
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: {latest: {release: {channel: fast, version: "4.21"}}}
    test: {workflow: ipi-aws, clusterProfile: aws, env: {A: a, B: from a file, EMPTY: "", TOKEN: "two\nlines"}}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"StandardInput": {
			reason: "An object may come from standard input.",
			params: with(func(p *Params) { p.Releases = "@-" }),
			stdin:  `{"latest": {"candidate": {"product": "ocp", "stream": "nightly", "version": "4.21", "relative": 1}}}`,
			want: `
metadata: {name: demo, namespace: tenant-a}
spec:
  ciOperator:
    buildRoot: {image_stream_tag: {namespace: openshift, name: release, tag: rhel-9-release-golang-1.24-openshift-4.20}}
    releases: {latest: {candidate: {product: ocp, stream: nightly, version: "4.21", relative: 1}}}
    test: {workflow: ipi-aws, clusterProfile: aws}
  writeConnectionSecretToRef: {name: demo-secret}`,
		},
		"Manifest": {
			reason: "A manifest stays as it is, but for what the flags say.",
			params: Params{Filename: manifest, Name: "other", ClusterProfile: "gcp-2", EnvFrom: env},
			want: `
metadata: {name: other, namespace: tenant-a, labels: {a: b}}
spec:
  ciOperator:
    releases: ` + releases + `
    test: {workflow: ipi-gcp, clusterProfile: gcp-2, env: {A: "1", B: from a file, EMPTY: "", TOKEN: "two\nlines"}}
  writeConnectionSecretToRef: {name: own}`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r, problems := New(tc.params, "tenant-a", strings.NewReader(tc.stdin))
			for _, api := range xrdtest.APIs() {
				problems = append(problems, r.Check(served.New(xrdtest.Schema(t, api)))...)
			}

			if diff := cmp.Diff(UsageErrors(nil), problems); diff != "" {
				t.Errorf("%s\nNew(...): -want problems, +got:\n%s", tc.reason, diff)
			}

			want := map[string]any{}
			if err := yaml.Unmarshal([]byte("apiVersion: ci.openshift.org/v1alpha1\nkind: TestPlatformCluster"+tc.want), &want); err != nil {
				t.Fatal(err)
			}

			got := map[string]any{}

			b, err := yaml.Marshal(r.Object.Object)
			if err != nil {
				t.Fatal(err)
			}

			if err := yaml.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}

			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\nNew(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
