// Modules of which only CRDs are used: nothing is built of them, so there is nothing
// to tidy.
module github.com/ephemeral-clusters/ephemeral-clusters/test/components/crds

go 1.26.7

require (
	github.com/prometheus-operator/prometheus-operator v0.85.0
)
