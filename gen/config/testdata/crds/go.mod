// Modules whose CRDs the tests install: nothing is built of them.
module github.com/ephemeral-clusters/ephemeral-clusters/gen/config/testdata/crds

go 1.26.7

require (
	github.com/external-secrets/external-secrets v0.20.4
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
