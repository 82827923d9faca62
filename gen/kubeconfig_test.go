package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/kubeconfig"
)

func TestWriteSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")

	// One that everybody could read.
	if err := os.WriteFile(path, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}

	if err := writeSecret(path, []byte("after")); err != nil {
		t.Fatalf("writeSecret(...): %v", err)
	}

	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(os.FileMode(0o600), info.Mode()); diff != "" {
		t.Errorf("Only the owner may read the file: -want, +got:\n%s", diff)
	}

	if b, err := os.ReadFile(filepath.Clean(path)); string(b) != "after" {
		t.Errorf("The file has what was written, got %q, %v", b, err)
	}

	if others, err := filepath.Glob(path + ".*"); len(others) > 0 || err != nil {
		t.Errorf("Nothing else is left, got %v, %v", others, err)
	}
}

func TestReport(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

	cases := map[string]struct {
		reason string
		report *kubeconfig.Report
		want   string
	}{
		"Expires": {
			reason: "Who, what and until when, a line each.",
			report: &kubeconfig.Report{
				Server: "https://api.ci", User: "system:serviceaccount:n:s", Groups: []string{"a", "b"}, Expires: new(now.Add(36 * time.Hour)),
				Rights: []kubeconfig.Rights{{Namespace: "ephemeral-cluster", Rules: []string{"get secrets", "list ephemeralclusters.ci.openshift.io"}}},
			},
			want: `server:  https://api.ci
user:    system:serviceaccount:n:s
groups:  a, b
expires: 2026-11-26T00:00:00Z, in 36h0m0s
may, in namespace ephemeral-cluster:
  get secrets
  list ephemeralclusters.ci.openshift.io
`,
		},
		"Lasts": {
			reason: "A long-lived token is said to be one, and an incomplete answer to be incomplete.",
			report: &kubeconfig.Report{Server: "https://api.ci", User: "u", Rights: []kubeconfig.Rights{{Namespace: "n", Incomplete: true}}},
			want: `server:  https://api.ci
user:    u
groups:  
expires: never; it ends with its Secret
may, in namespace n:
  and perhaps more: the API server cannot list all
`,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, report(tc.report, now)); diff != "" {
				t.Errorf("\n%s\nreport(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
