package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

func TestConfigOf(t *testing.T) {
	type want struct {
		cfg v1beta1.Config
		err string
	}

	const head = "apiVersion: testplatform.fn.crossplane.io/v1beta1, kind: Config"

	cases := map[string]struct {
		reason string
		input  string
		want   want
	}{
		"None":    {reason: "No input is the defaults.", want: want{cfg: defaults()}},
		"Empty":   {reason: "So is one that says nothing, or nothing much.", input: "{" + head + ", metadata: {name: a}, providerConfigName: '', environmentConfigName: null}", want: want{cfg: defaults()}},
		"Other":   {reason: "Another kind is not ours.", input: "{apiVersion: v1, kind: Secret}", want: want{cfg: defaults(), err: "not a testplatform.fn.crossplane.io/v1beta1 Config: v1 Secret"}},
		"Unknown": {reason: "A misspelt field is told, and always the same one.", input: "{" + head + ", b: c, a: d}", want: want{cfg: defaults(), err: `unknown field "a"`}},
		"Type":    {reason: "So is one of another type.", input: "{" + head + ", providerConfigName: {}}", want: want{cfg: defaults(), err: `field "providerConfigName" is not a string`}},
		"All": {
			reason: "Each field has its own.",
			input:  "{" + head + ", providerConfigName: a, ephemeralClusterNamespace: b, environmentConfigName: c, connectionSecretNamespace: d}",
			want:   want{cfg: v1beta1.Config{ProviderConfigName: "a", EphemeralClusterNamespace: "b", EnvironmentConfigName: "c", ConnectionSecretNamespace: "d"}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			req := requestOf(fromYAML(testXR))
			if tc.input != "" {
				req.Input = fromYAML(tc.input)
			}

			cfg, err := configOf(req)
			got := want{cfg: cfg}

			if err != nil {
				got.err = err.Error()
			}

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nconfigOf(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
