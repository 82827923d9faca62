//go:build generate

// Package ephemeralclusters holds no code: this file lists what is generated, in
// the order in which one output is the next one's input.
package ephemeralclusters

// The deepcopy methods and the CRD of EphemeralCluster, and those of the function's
// input, which is part of its package.
//go:generate go tool -modfile=test/tools/controller-gen/go.mod controller-gen object crd paths=./api/v1 output:crd:artifacts:config=api/crd
//go:generate go tool -modfile=test/tools/controller-gen/go.mod controller-gen object crd paths=./fn/input/v1beta1 output:crd:artifacts:config=package/function/input

// The XRDs of TestPlatformCluster, from the CRD of EphemeralCluster.
//go:generate go run ./gen xrd

// The manifests of all clusters, from gen/environments.yaml.
//go:generate go run ./gen config
