package components

import (
	"os"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"golang.org/x/mod/module"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/fetch"
)

// FromVariable names the environment variable that says where components come from: FromImages
// takes them out of their official images, in place of building them.
const (
	FromVariable = "COMPONENTS_FROM"
	FromImages   = "images"
)

// noCrossplane is why Crossplane is built where others are taken from images. No flag of it says
// where its RBAC manager serves metrics; see crossplaneStamps.
const noCrossplane = "in its official image it serves metrics of its RBAC manager on port 8080, where others may be"

// fetcher returns what takes programs out of images, if that is wished for.
func fetcher() (*fetch.Fetcher, error) {
	switch from := os.Getenv(FromVariable); from {
	case "":
		return nil, nil //nolint:nilnil // Nothing is fetched.
	case FromImages:
		return &fetch.Fetcher{}, nil
	default:
		return nil, errors.Errorf("%s must be %s, or not set for components that are built, not %q", FromVariable, FromImages, from)
	}
}

func etcdImage(version string) (fetch.Program, error) {
	return fetch.Program{Image: "gcr.io/etcd-development/etcd:" + version, Version: version, Ask: []string{"--version"}}, nil
}

// kubernetesImage is that of a program of the control plane, which the image has a log runner run.
func kubernetesImage(name string) func(version string) (fetch.Program, error) {
	return func(version string) (fetch.Program, error) {
		return fetch.Program{
			Image:   "registry.k8s.io/" + name + ":" + version,
			Path:    "/usr/local/bin/" + name,
			Version: version,
			Ask:     []string{"--version"},
		}, nil
	}
}

func kubectlImage(version string) (fetch.Program, error) {
	return fetch.Program{Image: "registry.k8s.io/kubectl:" + version, Version: version, Ask: []string{"version", "--client"}}, nil
}

// providerImage is the package of provider-kubernetes, which has its program too. That has no flag
// that tells its version.
func providerImage(version string) (fetch.Program, error) {
	return fetch.Program{
		Image:   "xpkg.crossplane.io/crossplane-contrib/provider-kubernetes:" + version,
		Version: version,
		Module:  ProviderKubernetesModule,
	}, nil
}

// prowImage is the one that was built of the version's commit, on the day it was made. Its program
// has no flag that tells its version either.
func prowImage(version string) (fetch.Program, error) {
	day, err := module.PseudoVersionTime(version)
	if err != nil {
		return fetch.Program{}, errors.Wrap(err, "cannot tell the day of the commit")
	}

	commit, err := module.PseudoVersionRev(version)
	if err != nil {
		return fetch.Program{}, errors.Wrap(err, "cannot tell the commit")
	}

	// As git abbreviates it in a repository of that size.
	const abbreviated = 9

	return fetch.Program{
		Image:   "us-docker.pkg.dev/k8s-infra-prow/images/" + Prow + ":v" + day.UTC().Format("20060102") + "-" + commit[:min(len(commit), abbreviated)],
		Version: version,
		Module:  ProwModule,
	}, nil
}

// oneLine returns text without line breaks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
