package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/prow/pkg/config"

	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/ephemeralcluster"
)

func TestOpenFiles(t *testing.T) {
	cases := map[string]struct {
		reason   string
		prow     string
		profiles string
		template string
		want     error
	}{
		"Valid":         {reason: "The files that are needed.", profiles: profilesConfig},
		"Template":      {reason: "A template is used.", profiles: profilesConfig, template: "priorityClassName: ci"},
		"Prow":          {reason: "A file of Prow that is none.", prow: "{", profiles: profilesConfig, want: cmpopts.AnyError},
		"NoDecoration":  {reason: "A file of Prow that no ProwJob can be made with.", prow: "prowjob_namespace: ci", profiles: profilesConfig, want: cmpopts.AnyError},
		"Profiles":      {reason: "Cluster profiles that are none.", profiles: "{", want: cmpopts.AnyError},
		"BadTemplate":   {reason: "A template that is none.", profiles: profilesConfig, template: "{", want: cmpopts.AnyError},
		"OtherTemplate": {reason: "A template that Prow refuses.", profiles: profilesConfig, template: "containers: null", want: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			observed, err := ephemeralcluster.NewPrometheus(prometheus.NewRegistry())
			if err != nil {
				t.Fatal(err)
			}

			dir := t.TempDir()
			o := &options{clusterProfiles: file(t, dir, "profiles.yaml", tc.profiles)}

			o.config.ConfigPath = prowConfigPath
			if tc.prow != "" {
				o.config.ConfigPath = file(t, dir, "config.yaml", tc.prow)
			}

			if tc.template != "" {
				o.podTemplate = file(t, dir, "template.yaml", tc.template)
			}

			f, err := openFiles(o, observed)
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Fatalf("%s\nopenFiles(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if tc.want == nil && (f.template() != nil) != (tc.template != "") {
				t.Errorf("%s\nopenFiles(...): got template %v", tc.reason, f.template())
			}
		})
	}
}

func TestCheckProw(t *testing.T) {
	load := func(content string) *config.Config {
		t.Helper()

		c, err := config.Load(file(t, t.TempDir(), "config.yaml", content), "", nil, "")
		if err != nil {
			t.Fatal(err)
		}

		return c
	}
	good := load(prowConfig)

	cases := map[string]struct {
		reason string
		before *config.Config
		after  *config.Config
		want   error
	}{
		"Start":        {reason: "The first version has none before it.", after: good},
		"Change":       {reason: "What does not matter may change.", before: good, after: load(prowConfig + "owners_dir_denylist: {}\n")},
		"NoDecoration": {reason: "Without decoration no ProwJob can be made.", before: good, after: load("prowjob_namespace: ci"), want: cmpopts.AnyError},
		"Moved":        {reason: "ProwJobs are looked for where they were at the start.", before: good, after: load(strings.ReplaceAll(prowConfig, "prowjob_namespace: ci", "prowjob_namespace: other")), want: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkProw(tc.before, tc.after, nil)
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\ncheckProw(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}
