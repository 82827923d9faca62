package kubeconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kubeconfig returns one with a user and a cluster, as YAML.
func kubeconfig(cluster, user string) []byte {
	return []byte(`{apiVersion: v1, kind: Config, current-context: admin,
clusters: [{name: c, cluster: ` + cluster + `}],
users: [{name: u, user: ` + user + `}],
contexts: [{name: admin, context: {cluster: c, user: u, namespace: default}}]}`)
}

func valid() []byte { return kubeconfig(`{server: "https://c.example"}`, `{token: TOPSECRET}`) }

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason string
		in     []byte
		want   string
	}{
		"Valid": {
			reason: "A kubeconfig that holds all there is to know is accepted.",
			in:     valid(),
		},
		"OnlyContext": {
			reason: "A context that is the only one is meant.",
			in:     []byte(strings.Replace(string(valid()), "current-context: admin,", "", 1)),
		},
		"Exec": {
			reason: "No program is run.",
			in:     kubeconfig(`{server: "https://c.example"}`, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: evil, interactiveMode: Never}}`),
			want:   "the kubeconfig is refused, because it would run a program",
		},
		"AuthProvider": {
			reason: "In no way.",
			in:     kubeconfig(`{server: "https://c.example"}`, `{auth-provider: {name: gcp, config: {cmd-path: evil}}}`),
			want:   "the kubeconfig is refused, because it would run a program",
		},
		"TokenFile": {
			reason: "No file is read and sent elsewhere: no token,",
			in:     kubeconfig(`{server: "https://c.example"}`, `{tokenFile: /var/run/secrets/token}`),
			want:   "the kubeconfig is refused, because it would read files of this machine",
		},
		"KeyFile": {
			reason: "no key,",
			in:     kubeconfig(`{server: "https://c.example"}`, `{client-certificate: a, client-key: b}`),
			want:   "the kubeconfig is refused, because it would read files of this machine",
		},
		"CAFile": {
			reason: "and no certificate.",
			in:     kubeconfig(`{server: "https://c.example", certificate-authority: a}`, `{token: t}`),
			want:   "the kubeconfig is refused, because it would read files of this machine",
		},
		"NoServer": {
			reason: "There must be somewhere to go,",
			in:     kubeconfig(`{}`, `{token: t}`),
			want:   `the kubeconfig has no server for its context "admin"`,
		},
		"NoUser": {
			reason: "someone to be,",
			in:     []byte(strings.Replace(string(valid()), "name: u,", "name: x,", 1)),
			want:   `the kubeconfig has no user for its context "admin"`,
		},
		"NoContext": {
			reason: "and both together.",
			in:     []byte(strings.Replace(string(valid()), "current-context: admin", "current-context: other", 1)),
			want:   `the kubeconfig does not have its current context, "other"`,
		},
		"Broken": {
			reason: "What cannot be read is not repeated.",
			in:     []byte(`{users: [{token: TOPSECRET`),
			want:   "the kubeconfig cannot be parsed",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if _, err := Parse(tc.in); err != nil {
				got = err.Error()
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\nParse(...): -want error, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
