package kubeconfig

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func TestClusterOf(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}

		return path
	}

	tunnel := rest.Config{Host: "https://localhost:6443", TLSClientConfig: rest.TLSClientConfig{ServerName: "api.ci", CAData: []byte("ca")}}

	cluster := func(change func(*clientcmdapi.Cluster)) *clientcmdapi.Cluster {
		c := clientcmdapi.NewCluster()
		change(c)

		return c
	}

	cases := map[string]struct {
		reason string
		cfg    rest.Config
		req    Request
		want   *clientcmdapi.Cluster
		err    string
	}{
		"AsItIs": {
			reason: "Others verify the server by what the context does.",
			cfg:    tunnel,
			want: cluster(func(c *clientcmdapi.Cluster) {
				c.Server, c.TLSServerName, c.CertificateAuthorityData = "https://localhost:6443", "api.ci", []byte("ca")
			}),
		},
		"File": {
			reason: "A file that only the issuer has is embedded.",
			cfg:    rest.Config{Host: "https://api.ci", TLSClientConfig: rest.TLSClientConfig{CAFile: file("context")}},
			want: cluster(func(c *clientcmdapi.Cluster) {
				c.Server, c.CertificateAuthorityData = "https://api.ci", []byte("context")
			}),
		},
		"Server": {
			reason: "The issuer's way there may be nobody else's.",
			cfg:    tunnel,
			req:    Request{Server: "https://api.ci:6443"},
			want: cluster(func(c *clientcmdapi.Cluster) {
				c.Server, c.CertificateAuthorityData = "https://api.ci:6443", []byte("ca")
			}),
		},
		"CertificateAuthority": {
			reason: "Nor what it is verified by.",
			cfg:    tunnel,
			req:    Request{Server: "https://api.ci:6443", CAFile: file("others")},
			want: cluster(func(c *clientcmdapi.Cluster) {
				c.Server, c.CertificateAuthorityData = "https://api.ci:6443", []byte("others")
			}),
		},
		"Insecure": {
			reason: "Whoever answers could get the tokens of all Konflux clusters.",
			cfg:    rest.Config{Host: "https://api.ci", TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
			err:    "the certificate of https://api.ci is not verified: issue no credential of it",
		},
		"InsecureAnswers": {
			reason: "That others are to verify it does not make the answer of this one any better.",
			cfg:    rest.Config{Host: "https://localhost", TLSClientConfig: rest.TLSClientConfig{Insecure: true}},
			req:    Request{Server: "https://api.ci", CAFile: file("ca")},
			err:    "the certificate of https://localhost is not verified: issue no credential of it",
		},
		"WithoutScheme": {
			reason: "Where the certificate is a public one, nobody would send a token there.",
			cfg:    rest.Config{Host: "https://api.ci:6443"},
			req:    Request{Server: "api.ci:6443"},
			err:    `server "api.ci:6443" does not begin with https://`,
		},
		"Plain": {
			reason: "Without TLS there is nothing to verify.",
			cfg:    tunnel,
			req:    Request{Server: "http://api.ci"},
			err:    "the certificate of http://api.ci is not verified: issue no credential of it",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := clusterOf(&tc.cfg, tc.req)

			if diff := cmp.Diff(tc.err, message(err)); diff != "" {
				t.Errorf("\n%s\nclusterOf(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("\n%s\nclusterOf(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
