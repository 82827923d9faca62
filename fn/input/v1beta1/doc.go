// Package v1beta1 holds the function's input.
//
// +kubebuilder:object:generate=true
// +groupName=testplatform.fn.crossplane.io
// +versionName=v1beta1
package v1beta1
