//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestBehaviourWith(t *testing.T) {
	defaults := behaviour{ProvisionDelay: time.Second, DeprovisionDelay: 2 * time.Second}

	type want struct {
		b   behaviour
		err error
	}

	cases := map[string]struct {
		reason string
		env    map[string]string
		want   want
	}{
		"Defaults": {
			reason: "A workflow's own parameters change nothing.",
			env:    map[string]string{"REPLICAS": "3"},
			want:   want{b: defaults},
		},
		"All": {
			reason: "A job's parameters win over the defaults.",
			env: map[string]string{
				"STANDIN_PROVISION_DELAY":   "3s",
				"STANDIN_DEPROVISION_DELAY": "0s",
				"STANDIN_FAIL":              "deprovision",
				"STANDIN_NEVER_READY":       "true",
			},
			want: want{b: behaviour{ProvisionDelay: 3 * time.Second, Fail: phaseDeprovision, NeverReady: true}},
		},
		"FailProvision": {
			reason: "Provisioning can be made to fail.",
			env:    map[string]string{"STANDIN_FAIL": "provision"},
			want:   want{b: behaviour{ProvisionDelay: time.Second, DeprovisionDelay: 2 * time.Second, Fail: phaseProvision}},
		},
		"Unknown": {
			reason: "A misspelt parameter would otherwise make a test pass for the wrong reason.",
			env:    map[string]string{"STANDIN_DELAY": "3s"},
			want:   want{err: cmpopts.AnyError},
		},
		"BadPhase": {
			reason: "Only two phases can fail.",
			env:    map[string]string{"STANDIN_FAIL": "install"},
			want:   want{err: cmpopts.AnyError},
		},
		"BadDuration": {
			reason: "A delay is a duration.",
			env:    map[string]string{"STANDIN_PROVISION_DELAY": "3"},
			want:   want{err: cmpopts.AnyError},
		},
		"BadBool": {
			reason: "A switch is on or off.",
			env:    map[string]string{"STANDIN_NEVER_READY": "maybe"},
			want:   want{err: cmpopts.AnyError},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := defaults.with(tc.env)

			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nwith(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want.b, got); diff != "" {
				t.Errorf("%s\nwith(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
