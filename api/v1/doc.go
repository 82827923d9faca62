// Package v1 holds the EphemeralCluster API of app.ci: its Go types, and every
// name (condition, reason, annotation, label) that other programs match.
//
// The field names are an interface: those below spec.ciOperator that are
// snake_case are ci-operator's own.
//
// +kubebuilder:object:generate=true
// +groupName=ci.openshift.io
package v1
