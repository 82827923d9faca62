package main

import (
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/request"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
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
	in := &v1beta1.Config{}
	if req.GetInput() == nil {
		return defaults(), nil
	}

	if err := request.GetInput(req, in); err != nil {
		return defaults(), err
	}

	out := defaults()
	setUnlessEmpty(&out.ProviderConfigName, in.ProviderConfigName)
	setUnlessEmpty(&out.EphemeralClusterNamespace, in.EphemeralClusterNamespace)
	setUnlessEmpty(&out.EnvironmentConfigName, in.EnvironmentConfigName)
	setUnlessEmpty(&out.ConnectionSecretNamespace, in.ConnectionSecretNamespace)

	return out, nil
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
