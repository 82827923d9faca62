package components

import (
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/fetch"
)

func TestImages(t *testing.T) {
	const kubernetes, prow = "v1.36.3", "v0.0.0-20260623221824-1e6ed72765e2"

	version := []string{"--version"}

	cases := map[string]struct {
		reason  string
		version string
		want    fetch.Program
	}{
		Etcd: {
			reason:  "etcd's own image, because the one of Kubernetes' registry is not made of each release.",
			version: "v3.6.16",
			want:    fetch.Program{Image: "gcr.io/etcd-development/etcd:v3.6.16", Version: "v3.6.16", Ask: version},
		},
		KubeAPIServer: {
			reason:  "The image runs the program with a log runner.",
			version: kubernetes,
			want:    fetch.Program{Image: "registry.k8s.io/kube-apiserver:v1.36.3", Path: "/usr/local/bin/kube-apiserver", Version: kubernetes, Ask: version},
		},
		KubeControllerManager: {
			reason:  "So does this one.",
			version: kubernetes,
			want:    fetch.Program{Image: "registry.k8s.io/kube-controller-manager:v1.36.3", Path: "/usr/local/bin/kube-controller-manager", Version: kubernetes, Ask: version},
		},
		Kubectl: {
			reason:  "kubectl must not ask a server.",
			version: kubernetes,
			want:    fetch.Program{Image: "registry.k8s.io/kubectl:v1.36.3", Version: kubernetes, Ask: []string{"version", "--client"}},
		},
		ProviderKubernetes: {
			reason:  "The package has the program.",
			version: "v1.3.1",
			want:    fetch.Program{Image: "xpkg.crossplane.io/crossplane-contrib/provider-kubernetes:v1.3.1", Version: "v1.3.1", Module: ProviderKubernetesModule},
		},
		Prow: {
			reason:  "Prow has no versions: its images are tagged with a day and a commit.",
			version: prow,
			want:    fetch.Program{Image: "us-docker.pkg.dev/k8s-infra-prow/images/prow-controller-manager:v20260623-1e6ed7276", Version: prow, Module: ProwModule},
		},
	}

	for _, c := range Stack() {
		t.Run(c.Name, func(t *testing.T) {
			tc, ok := cases[c.Name]
			if !ok {
				if c.Image != nil || c.NoImage == "" {
					t.Error("want a component of the stack that is not fetched to say why")
				}

				return
			}

			got, err := c.Image(tc.version)
			if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
				t.Errorf("\n%s\nImage(...): %v; -want, +got:\n%s", tc.reason, err, diff)
			}

			if _, err := name.NewTag(got.Image, name.StrictValidation); err != nil {
				t.Errorf("Image(...): %v", err)
			}
		})
	}
}

func TestFrom(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  string
		want   *fetch.Fetcher
		fails  bool
	}{
		"Unset": {
			reason: "Components are built.",
		},
		"Images": {
			reason: "They are fetched when that is wished for.",
			value:  "images",
			want:   &fetch.Fetcher{},
		},
		"Other": {
			reason: "A wish that nobody understands is refused, not passed over.",
			value:  "image",
			fails:  true,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv(DirVariable, "")
			t.Setenv(FromVariable, tc.value)

			b, err := NewBuilder(io.Discard)

			var got *fetch.Fetcher
			if err == nil {
				got = b.Images
			}

			if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
				t.Errorf("\n%s\nNewBuilder(...): want error %t, got %v; -want, +got:\n%s", tc.reason, tc.fails, err, diff)
			}
		})
	}
}

func TestTypical(t *testing.T) {
	for _, cs := range [][]Component{Stack(), Rendering(), Credentials(), Tools()} {
		for _, c := range cs {
			if c.Typical <= 0 {
				t.Errorf("%s: want how long it takes to build it", c.Name)
			}
		}
	}
}
