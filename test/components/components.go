// Package components builds the real programs that the project is tested with,
// from pinned modules below test/tools, into a cache outside the checkout. On request it takes
// those of the local stack out of their official images.
package components

import (
	"strings"
	"time"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/components/fetch"
)

// DirVariable names the environment variable with a directory to take programs
// from, by name, in place of building them.
const DirVariable = "COMPONENTS_DIR"

// Names of programs.
const (
	Etcd                  = "etcd"
	KubeAPIServer         = "kube-apiserver"
	KubeControllerManager = "kube-controller-manager"
	Kubectl               = "kubectl"
	CrossplaneCore        = "crossplane-core"
	CrossplaneCLI         = "crossplane"
	ProviderKubernetes    = "provider-kubernetes"
	Prow                  = "prow-controller-manager"
	GolangCILint          = "golangci-lint"
	ControllerGen         = "controller-gen"
	ExternalSecrets       = "external-secrets"
)

// Component is a program that can be built.
type Component struct {
	// Name of the program.
	Name string

	// Tool is the directory below test/tools whose module builds it.
	Tool string

	// Module that the program is part of, and whose version is the program's.
	Module string

	// Package of the program, below the module.
	Package string

	// Stamp lists variables that are set to the version at link time.
	Stamp func(version string) map[string]string

	// Typical is about the CPU time that its build takes after those before it in their list,
	// when nothing was compiled before these. All of a stack were measured together.
	Typical time.Duration

	// Image that a version of it can be taken from.
	Image func(version string) (fetch.Program, error)

	// NoImage is why it is built all the same where others are taken from images.
	NoImage string
}

// stackTool is the module that builds all of a local stack, with one version of each
// dependency, so that these are compiled once: for one another, and for the programs of
// this checkout, whose go.mod has the same versions.
const stackTool = "stack"

// Stack lists what a local stack runs.
func Stack() []Component {
	const kubernetes = "k8s.io/kubernetes"

	return []Component{
		{Name: Etcd, Tool: stackTool, Module: "go.etcd.io/etcd/server/v3", Image: etcdImage, Typical: 110 * time.Second},
		{Name: KubeAPIServer, Tool: stackTool, Module: kubernetes, Package: "cmd/kube-apiserver", Stamp: kubernetesVersion, Image: kubernetesImage(KubeAPIServer), Typical: 760 * time.Second},
		{Name: KubeControllerManager, Tool: stackTool, Module: kubernetes, Package: "cmd/kube-controller-manager", Stamp: kubernetesVersion, Image: kubernetesImage(KubeControllerManager), Typical: 260 * time.Second},
		{Name: Kubectl, Tool: stackTool, Module: kubernetes, Package: "cmd/kubectl", Stamp: kubernetesVersion, Image: kubectlImage, Typical: 100 * time.Second},
		{Name: CrossplaneCore, Tool: stackTool, Module: CrossplaneModule, Package: "cmd/crossplane", Stamp: crossplaneStamps, NoImage: noCrossplane, Typical: 220 * time.Second},
		{Name: ProviderKubernetes, Tool: stackTool, Module: ProviderKubernetesModule, Package: "cmd/provider", Image: providerImage, Typical: 80 * time.Second},
		{Name: Prow, Tool: stackTool, Module: ProwModule, Package: "cmd/prow-controller-manager", Image: prowImage, Typical: 220 * time.Second},
	}
}

// Rendering lists what only the tests of rendered examples and of packages run.
func Rendering() []Component {
	return []Component{
		{Name: CrossplaneCLI, Tool: stackTool, Module: "github.com/crossplane/cli/v2", Package: "cmd/crossplane", Stamp: runtimeVersion, Typical: 155 * time.Second},
	}
}

// Credentials lists what only the tests of credentials run.
func Credentials() []Component {
	return []Component{
		{Name: ExternalSecrets, Tool: "external-secrets", Module: ExternalSecretsModule, Typical: 830 * time.Second},
	}
}

// Tools lists what the source tree is kept in order with.
func Tools() []Component {
	return []Component{
		{Name: GolangCILint, Tool: "golangci-lint", Module: "github.com/golangci/golangci-lint/v2", Package: "cmd/golangci-lint", Typical: 420 * time.Second},
		{Name: ControllerGen, Tool: "controller-gen", Module: "sigs.k8s.io/controller-tools", Package: "cmd/controller-gen", Typical: 60 * time.Second},
	}
}

// kubernetesVersion stamps what clients ask a server for; without it they cannot
// parse the version.
func kubernetesVersion(version string) map[string]string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")

	vars := map[string]string{}

	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		vars[pkg+".gitVersion"] = version
		vars[pkg+".gitMajor"] = major
		vars[pkg+".gitMinor"] = minor
	}

	return vars
}

// crossplaneStamps sets the version that package constraints are held against,
// and lets the RBAC manager, which has no flag for it, serve its metrics on a free
// port.
func crossplaneStamps(version string) map[string]string {
	vars := runtimeVersion(version)
	vars["sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress"] = "127.0.0.1:0"

	return vars
}

// runtimeVersion sets what programs of Crossplane's take for their version.
func runtimeVersion(version string) map[string]string {
	return map[string]string{"github.com/crossplane/crossplane-runtime/v2/pkg/version.version": version}
}
