// Modules of which only CRDs are used: nothing is built of them, so there is nothing
// to tidy.
module github.com/ephemeral-clusters/ephemeral-clusters/test/components/crds

go 1.26.7

require (
	github.com/external-secrets/external-secrets v0.19.2
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
