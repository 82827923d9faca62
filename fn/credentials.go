package main

import (
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/validation"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/fn/input/v1beta1"
)

const annotationPollInterval = "crossplane.io/poll-interval"

const (
	// pollWhileUsed lets a refreshed Secret reach the tenant within a minute, without
	// a watch: that would need list and watch of every Secret on app.ci.
	pollWhileUsed = "30s"

	// pollOnceUnused is for the credentials of a cluster that is gone: its claim may
	// stay for days.
	pollOnceUnused = "10m"
)

// secretNameFor returns the Secret on app.ci to read the credentials from, or the
// empty string while there is none to read.
func secretNameFor(ec observedEC, cred observedCredentials, o ownership) string {
	ref := stringAt(ec.actual, "status", "secretRef")

	switch {
	case o == ownershipOurs && ref != "" && len(validation.IsDNS1123Subdomain(ref)) == 0:
		return ref
	case !cred.exists():
		return ""
	case cred.secretName != "":
		// Whatever became of the reference, what was composed once stays.
		return cred.secretName
	default:
		return v1.CredentialsSecretName(stringAt(ec.asked, "metadata", "name"))
	}
}

// objectForCredentials returns the Object that reads a Secret on app.ci, and writes what
// it has to another one: where Crossplane takes it on from, for a claim, and else the
// tenant's own.
func objectForCredentials(c composite, cfg v1beta1.Config, name, secretName, writesTo string, ec observedEC) object {
	poll := pollWhileUsed
	if terminal(ec.phase()) {
		poll = pollOnceUnused
	}

	o := object{
		name:               name,
		namespace:          c.namespace,
		annotations:        map[string]string{annotationPollInterval: poll},
		providerConfigName: cfg.ProviderConfigName,
		policy:             policyObserve,
		manifest: fields{
			"apiVersion": structpb.NewStringValue("v1"),
			"kind":       structpb.NewStringValue("Secret"),
			"metadata": fields{
				"name":      structpb.NewStringValue(secretName),
				"namespace": structpb.NewStringValue(cfg.EphemeralClusterNamespace),
			}.value(),
		}.value(),
		connectionDetails:    []string{v1.KeyKubeconfig, v1.KeyKubeAdminPassword},
		connectionSecretName: writesTo,
	}

	if !c.namespaced() {
		o.connectionSecretNamespace = cfg.ConnectionSecretNamespace
	}

	return o
}

func terminal(p v1.Phase) bool { return p == v1.PhaseDeprovisioned || p == v1.PhaseFailed }

// connectionDetailsFor returns what is published for a claim: both keys, or nothing.
// What was published before stays published while there is nothing newer, and is emptied
// if it is no longer the tenant's.
func connectionDetailsFor(published map[string][]byte, ec observedEC, cred observedCredentials, o ownership) map[string][]byte {
	if o == ownershipForeign {
		if len(published[v1.KeyKubeconfig]) > 0 || len(published[v1.KeyKubeAdminPassword]) > 0 {
			return credentials(nil, nil)
		}

		return nil
	}

	if kubeconfig := cred.details[v1.KeyKubeconfig]; len(kubeconfig) > 0 {
		return credentials(kubeconfig, cred.details[v1.KeyKubeAdminPassword])
	}

	// The earlier form, which would also be readable in a namespaced composite's
	// Object, and is therefore not one of its forms.
	if kubeconfig := stringAt(ec.actual, "status", "kubeconfig"); kubeconfig != "" && o == ownershipOurs {
		return credentials([]byte(kubeconfig), []byte(stringAt(ec.actual, "status", "kubeAdminPassword")))
	}

	if kubeconfig := published[v1.KeyKubeconfig]; len(kubeconfig) > 0 {
		return credentials(kubeconfig, published[v1.KeyKubeAdminPassword])
	}

	return nil
}

func credentials(kubeconfig, kubeAdminPassword []byte) map[string][]byte {
	return map[string][]byte{v1.KeyKubeconfig: kubeconfig, v1.KeyKubeAdminPassword: kubeAdminPassword}
}
