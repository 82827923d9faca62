package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParse(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	enough := []string{"--config-path=config.yaml", "--cluster-profiles-config=profiles.yaml", "--kubeconfig=" + kubeconfig}

	cases := map[string]struct {
		reason string
		args   []string
		want   error
	}{
		"Enough":          {reason: "These flags have no default."},
		"Help":            {reason: "Help is no error of the user.", args: []string{"--help"}, want: flag.ErrHelp},
		"Version":         {reason: "Who asks for the version needs no other flag.", args: []string{"--version"}, want: errVersion},
		"UnknownFlag":     {reason: "A misspelt flag must not be ignored.", args: []string{"--namespaces=x"}, want: cmpopts.AnyError},
		"Argument":        {reason: "An argument is a misspelt flag.", args: []string{"x"}, want: cmpopts.AnyError},
		"NoConfig":        {reason: "Prow's configuration is needed.", args: []string{"--config-path="}, want: cmpopts.AnyError},
		"NoProfiles":      {reason: "Cluster profiles are needed.", args: []string{"--cluster-profiles-config="}, want: cmpopts.AnyError},
		"NoSuchFile":      {reason: "A kubeconfig that is not there.", args: []string{"--kubeconfig=/nonexistent"}, want: cmpopts.AnyError},
		"Namespaces":      {reason: "Several namespaces.", args: []string{"--namespace=a", "--namespace=b"}},
		"Namespace":       {reason: "A name that no namespace can have.", args: []string{"--namespace=A_B"}, want: cmpopts.AnyError},
		"ImageStreamTag":  {reason: "A tag that is none.", args: []string{"--cli-image-stream-tag=cli"}, want: cmpopts.AnyError},
		"LogLevel":        {reason: "A level that is none.", args: []string{"--log-level=loud"}, want: cmpopts.AnyError},
		"Workers":         {reason: "Nobody would do anything.", args: []string{"--workers=0"}, want: cmpopts.AnyError},
		"MetricsInterval": {reason: "A ticker cannot tick that often.", args: []string{"--metrics-interval=0s"}, want: cmpopts.AnyError},
		"MaxLifetime":     {reason: "Nothing can be younger.", args: []string{"--max-lifetime=-1h"}, want: cmpopts.AnyError},
		"NoInCluster":     {reason: "The infrastructure cluster is needed.", args: []string{"--no-in-cluster-config"}, want: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fs := flag.NewFlagSet("test", flag.ContinueOnError)
			fs.SetOutput(io.Discard)

			err := (&options{}).parse(fs, append(append([]string{}, enough...), tc.args...))
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nparse(%v): -want error, +got error:\n%s", tc.reason, tc.args, diff)
			}
		})
	}
}
