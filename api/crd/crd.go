// Package crd holds the CustomResourceDefinition of EphemeralCluster, generated from
// its Go types.
package crd

import _ "embed" // The definition is embedded.

// EphemeralClusters is the definition, as YAML.
//
//go:embed ci.openshift.io_ephemeralclusters.yaml
var EphemeralClusters []byte
