// Package buildfarm generates what each build cluster needs: the reconciler's
// ServiceAccount and its rights there.
package buildfarm

import (
	"path"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/appci"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Dir is the directory of the tree, which is the same for all build clusters.
const Dir = "build-farm"

// SignalPolicy is the name of the policy on what the reconciler may create.
const SignalPolicy = "ephemeralcluster-reconciler-signal"

// Files returns the tree.
func Files(r environments.Reconciler) ([]manifest.File, error) {
	account := manifest.ServiceAccount(environments.ProwNamespace, appci.Reconciler)

	objs := append([]any{
		account,
		manifest.ClusterRole(appci.Reconciler,
			manifest.Rule(corev1.GroupName, "namespaces", "list,watch"),
			// Those that ci-operator and Hive make for the reconciler.
			manifest.Rule(corev1.GroupName, "secrets", "list,watch",
				v1.TestName, v1.TestName+"-hive-admin-kubeconfig", v1.TestName+"-hive-admin-password"),
			// A name cannot limit what is created, but the policy below does.
			manifest.Rule(corev1.GroupName, "secrets", "create"),
		),
		manifest.BindClusterRole(appci.Reconciler, account),
	}, signalPolicy().Objects()...)

	rights, err := manifest.Objects(path.Join(Dir, "reconciler.yaml"), objs...)
	if err != nil {
		return nil, err
	}

	secrets, err := manifest.Objects(path.Join(Dir, "tokens.yaml"), tokens(account, r.TokenVersions)...)
	if err != nil {
		return nil, err
	}

	// A token without its ServiceAccount would be taken away.
	files := append(make([]manifest.File, 0, 3), rights, secrets)

	k, err := manifest.Kustomize(Dir, manifest.Names(files))

	return append(files, k), err
}

// tokens last as long as their Secrets: a kubeconfig that expires by itself takes all
// clusters on a build cluster with it, some day.
func tokens(account *corev1.ServiceAccount, versions []int) []any {
	objs := make([]any, 0, len(versions))
	for _, v := range versions {
		objs = append(objs, manifest.Token(account, environments.TokenSecret(account.Name, v)))
	}

	return objs
}

// signalPolicy lets the reconciler create the one Secret that ends a test, in
// namespaces of ci-operator.
func signalPolicy() manifest.Policy {
	return manifest.Policy{
		Name:       SignalPolicy,
		Group:      corev1.GroupName,
		Resources:  []string{"secrets"},
		Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
		Conditions: []admissionv1.MatchCondition{{
			Name:       "reconciler",
			Expression: `request.userInfo.username == "` + manifest.Username(environments.ProwNamespace, appci.Reconciler) + `"`,
		}},
		Validations: []admissionv1.Validation{{
			Expression: `object.metadata.name == "` + v1.SecretTestDone + `" &&
namespaceObject.metadata.?labels["` + v1.LabelJobID + `"].orValue("") != ""`,
			Message: "the reconciler may only tell ci-operator that a test is done",
		}},
	}
}
