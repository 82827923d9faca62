// Package crd holds the CRD of EphemeralCluster, for programs that judge by it.
package crd

import _ "embed"

// EphemeralCluster is the CRD, as YAML.
//
//go:embed ci.openshift.io_ephemeralclusters.yaml
var EphemeralCluster []byte
