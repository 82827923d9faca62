//go:build linux

package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/config"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/invocation"
)

func TestNamespaceName(t *testing.T) {
	base := invocation.Invocation{RawConfig: "a: b", InputHash: "ec"}

	cases := map[string]struct {
		reason string
		inv    invocation.Invocation
		same   bool
	}{
		"SameInputs": {
			reason: "Another run with the same inputs shares the namespace.",
			inv:    invocation.Invocation{RawConfig: "a: b", InputHash: "ec", ProwJob: "other"},
			same:   true,
		},
		"OtherConfig": {
			reason: "The configuration is an input.",
			inv:    invocation.Invocation{RawConfig: "a: c", InputHash: "ec"},
		},
		"OtherInputHash": {
			reason: "Clusters with the same configuration are told apart.",
			inv:    invocation.Invocation{RawConfig: "a: b", InputHash: "ec2"},
		},
		"ShiftedInputs": {
			reason: "What ends one input and begins the next matters.",
			inv:    invocation.Invocation{RawConfig: "a: be", InputHash: "c"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := namespaceName(&tc.inv)

			if !regexp.MustCompile(`^ci-op-[a-z2-7]{8}$`).MatchString(got) {
				t.Errorf("%s\nnamespaceName(...): %q is not of ci-operator's form", tc.reason, got)
			}

			if diff := cmp.Diff(tc.same, got == namespaceName(&base)); diff != "" {
				t.Errorf("%s\nnamespaceName(...): -want same, +got same:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNamespaceLabels(t *testing.T) {
	long := strings.Repeat("a", 62) + "-b"

	got := namespaceLabels(&invocation.Invocation{
		ProwJob: "pj",
		Job:     long,
		JobType: "periodic",
		Config:  &config.Config{Metadata: config.Metadata{Org: "org", Repo: "repo", Branch: "branch"}},
	})

	want := map[string]string{
		"created-by-ci":                   "true",
		"dptp.openshift.io/requester":     "ci-operator",
		"ci.openshift.io/jobid":           "pj",
		"ci.openshift.io/jobname":         strings.Repeat("a", 62),
		"ci.openshift.io/jobtype":         "periodic",
		"ci.openshift.io/metadata.org":    "org",
		"ci.openshift.io/metadata.repo":   "repo",
		"ci.openshift.io/metadata.branch": "branch",
		"ci.openshift.io/metadata.target": "cluster-provisioning",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("namespaceLabels(...): -want, +got:\n%s", diff)
	}
}
