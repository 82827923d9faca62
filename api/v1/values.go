package v1

import (
	"encoding/json"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// The types below have no value that does not decode: what is stored may be older than
// what the schema asks for, and one object that does not decode stops the watch of all.

// Duration is a duration as Go writes it. ci-operator refuses one that is negative, or
// that has no unit.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^(\+?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+))?$`
type Duration string

// Integer is a whole number that is not negative, as it is written.
//
// +kubebuilder:validation:Type=integer
// +kubebuilder:validation:Minimum=0
// +kubebuilder:validation:Maximum=2147483647
type Integer string

// MarshalJSON writes the number.
func (i Integer) MarshalJSON() ([]byte, error) {
	if i == "" {
		return []byte("0"), nil
	}

	return json.Marshal(json.Number(i))
}

// UnmarshalJSON reads any number, however large.
func (i *Integer) UnmarshalJSON(b []byte) error {
	n := json.Number("")
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.Wrap(err, "cannot read number")
	}

	*i = Integer(n)

	return nil
}

// Quantity is a quantity of a resource, as Kubernetes writes it.
//
// +kubebuilder:validation:Pattern=`^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$`
type Quantity string

// Product is what is released.
//
// +kubebuilder:validation:Enum=ocp;okd;okd-scos
type Product string

// Architecture of a release. It may be empty, for the default.
//
// +kubebuilder:validation:Enum="";amd64;arm64;ppc64le;s390x;multi
type Architecture string

// MinorVersion is the first two numbers of a version.
//
// +kubebuilder:validation:Pattern=`^[0-9]+\.[0-9]+$`
type MinorVersion string
