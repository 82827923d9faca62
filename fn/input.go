package main

import (
	"maps"
	"slices"

	"github.com/crossplane/function-sdk-go/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

const (
	inputAPIVersion = "testplatform.fn.crossplane.io/v1beta1"
	inputKind       = "Config"
)

// defaults are the names that deployed clusters rely on.
func defaults() v1beta1.Config {
	return v1beta1.Config{
		ProviderConfigName:        v1alpha1.ProviderConfigName,
		EphemeralClusterNamespace: v1.DefaultNamespace,
		EnvironmentConfigName:     v1alpha1.EnvironmentConfigName,
		ConnectionSecretNamespace: v1alpha1.ConnectionSecretNamespace,
	}
}

// configOf returns the function's input with its defaults. It returns usable
// defaults beside an error, so that a live cluster outlasts a broken input.
func configOf(req *fnv1.RunFunctionRequest) (v1beta1.Config, error) {
	cfg := defaults()
	in := req.GetInput().GetFields()

	if err := validateInput(in); err != nil {
		return defaults(), err
	}

	for name, to := range settings(&cfg) {
		setUnlessEmpty(to, in[name].GetStringValue())
	}

	return cfg, nil
}

// settings are the fields of an input by their names.
func settings(cfg *v1beta1.Config) map[string]*string {
	return map[string]*string{
		"providerConfigName":        &cfg.ProviderConfigName,
		"ephemeralClusterNamespace": &cfg.EphemeralClusterNamespace,
		"environmentConfigName":     &cfg.EnvironmentConfigName,
		"connectionSecretNamespace": &cfg.ConnectionSecretNamespace,
	}
}

// validateInput refuses what is not a Config. The SDK would do that too, but its
// errors differ from one call to the next on purpose, and these are in a condition:
// every change of that brings the next call.
func validateInput(in map[string]*structpb.Value) error {
	if len(in) == 0 {
		return nil
	}

	if in["apiVersion"].GetStringValue() != inputAPIVersion || in["kind"].GetStringValue() != inputKind {
		return errors.Errorf("not a %s %s: %s %s", inputAPIVersion, inputKind, in["apiVersion"].GetStringValue(), in["kind"].GetStringValue())
	}

	known := settings(&v1beta1.Config{})

	for _, name := range slices.Sorted(maps.Keys(in)) {
		if name == "apiVersion" || name == "kind" || name == "metadata" {
			continue
		}

		if _, ok := known[name]; !ok {
			return errors.Errorf("unknown field %q", name)
		}

		if _, ok := in[name].GetKind().(*structpb.Value_StringValue); !ok && !isNull(in[name]) {
			return errors.Errorf("field %q is not a string", name)
		}
	}

	return nil
}

// pinned returns the configuration with what a live cluster was made with in place
// of what may not, or cannot, change any more.
func pinned(cfg v1beta1.Config, broken bool, ec observedEC, cred observedCredentials) v1beta1.Config {
	// Another namespace would be another EphemeralCluster, and the live one lost.
	setUnlessEmpty(&cfg.EphemeralClusterNamespace, stringAt(ec.asked, "metadata", "namespace"))

	if broken {
		setUnlessEmpty(&cfg.ProviderConfigName, stringAt(ec.object, "spec", "providerConfigRef", "name"))
		setUnlessEmpty(&cfg.ConnectionSecretNamespace, stringAt(cred.object, "spec", "writeConnectionSecretToRef", "namespace"))
	}

	return cfg
}

func setUnlessEmpty(to *string, from string) {
	if from != "" {
		*to = from
	}
}
