//go:build generate

// Package ephemeralclusters holds no code: this file lists what is generated, in
// the order in which one output is the next one's input.
package ephemeralclusters

// The deepcopy methods of EphemeralCluster and of the function's input.
//go:generate go tool -modfile=test/tools/controller-gen/go.mod controller-gen object paths=./api/v1 paths=./fn/input/v1beta1

// The CRD of EphemeralCluster, and the function package's schema of its input.
//go:generate go tool -modfile=test/tools/controller-gen/go.mod controller-gen crd paths=./api/v1 output:crd:artifacts:config=api/crd
//go:generate go tool -modfile=test/tools/controller-gen/go.mod controller-gen crd paths=./fn/input/v1beta1 output:crd:artifacts:config=package/function/input

// The XRDs of TestPlatformCluster, from the CRD of EphemeralCluster.
//go:generate go run ./gen xrd

// The manifests of all clusters, from gen/environments.yaml.
//go:generate go run ./gen config
