//go:build linux

package stack

import (
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apiv1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// ServiceAccounts on app.ci and on build clusters.
const (
	// providerAppCISA is who provider-kubernetes is on app.ci.
	providerAppCISA = "ephemeral-cluster"

	prowSA       = "prow-controller-manager"
	reconcilerSA = "ephemeralcluster-reconciler"
	ciOperatorSA = "ci-operator"
)

// ProviderUser is what the API server of app.ci calls provider-kubernetes.
const ProviderUser = "system:serviceaccount:" + apiv1.DefaultNamespace + ":" + providerAppCISA

// ReconcilerUser is what API servers call the reconciler.
const ReconcilerUser = "system:serviceaccount:" + prowNamespace + ":" + reconcilerSA

// providerAppCIRights are the rights of provider-kubernetes on app.ci. Its watch of
// EphemeralClusters knows no namespace; it never watches Secrets. It asks for a dry
// run of a patch even of a Secret that it only observes: the policy allows no more
// than that.
func providerAppCIRights() []client.Object {
	const name = "ephemeral-cluster-provider"

	return []client.Object{
		clusterRole(name, rbacv1.PolicyRule{
			APIGroups: []string{apiv1.Group}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"list", "watch"},
		}),
		clusterRoleBinding(name, apiv1.DefaultNamespace, providerAppCISA),
		dryRunOnly(name, ProviderUser),
		&admissionv1.ValidatingAdmissionPolicyBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName:        name,
				ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		},
		role(apiv1.DefaultNamespace, name,
			rbacv1.PolicyRule{APIGroups: []string{apiv1.Group}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"get", "create", "patch", "delete"}},
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "patch"}},
		),
		roleBinding(apiv1.DefaultNamespace, name, apiv1.DefaultNamespace, providerAppCISA),
	}
}

// dryRunOnly is a policy that refuses a user every write of a Secret that is to last.
func dryRunOnly(name, user string) *admissionv1.ValidatingAdmissionPolicy {
	return &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"secrets"}},
				}}},
			},
			MatchConditions: []admissionv1.MatchCondition{{Name: "user", Expression: "request.userInfo.username == " + strconv.Quote(user)}},
			Validations: []admissionv1.Validation{{
				Expression: "has(request.dryRun) && request.dryRun",
				Message:    "provider-kubernetes may only observe Secrets",
			}},
		},
	}
}

// prowRights are the rights of Prow's controllers, on app.ci and on build clusters.
func prowRights() []client.Object {
	return []client.Object{
		role(prowNamespace, prowSA,
			rbacv1.PolicyRule{APIGroups: []string{"prow.k8s.io"}, Resources: []string{"prowjobs", "prowjobs/status"}, Verbs: []string{"get", "list", "watch", "update", "patch"}},
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"create", "delete", "list", "watch", "get", "patch"}},
			rbacv1.PolicyRule{APIGroups: []string{"", "coordination.k8s.io"}, Resources: []string{"configmaps", "events", "leases"}, Verbs: []string{"get", "create", "update", "patch"}},
		),
		roleBinding(prowNamespace, prowSA, prowNamespace, prowSA),
	}
}

// reconcilerAppCIRights are the rights of the reconciler on app.ci.
func reconcilerAppCIRights() []client.Object {
	return []client.Object{
		role(apiv1.DefaultNamespace, reconcilerSA,
			rbacv1.PolicyRule{APIGroups: []string{apiv1.Group}, Resources: []string{"ephemeralclusters"}, Verbs: []string{"get", "list", "watch", "patch"}},
			rbacv1.PolicyRule{APIGroups: []string{apiv1.Group}, Resources: []string{"ephemeralclusters/status"}, Verbs: []string{"patch"}},
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "update"}},
			rbacv1.PolicyRule{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
		),
		roleBinding(apiv1.DefaultNamespace, reconcilerSA, prowNamespace, reconcilerSA),
		role(prowNamespace, reconcilerSA,
			rbacv1.PolicyRule{APIGroups: []string{"prow.k8s.io"}, Resources: []string{"prowjobs"}, Verbs: []string{"get", "list", "watch", "create", "patch"}},
			rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}},
			rbacv1.PolicyRule{APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
		),
		roleBinding(prowNamespace, reconcilerSA, prowNamespace, reconcilerSA),
	}
}

// reconcilerBuildRights are the rights of the reconciler on a build cluster: of all
// Secrets, it can only read those that ci-operator and Hive make for it.
func reconcilerBuildRights() []client.Object {
	return []client.Object{
		clusterRole(reconcilerSA,
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list", "watch"}},
			rbacv1.PolicyRule{
				APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "watch"},
				ResourceNames: []string{
					apiv1.TestName,
					apiv1.TestName + "-hive-admin-kubeconfig",
					apiv1.TestName + "-hive-admin-password",
				},
			},
			// A name cannot limit what is created.
			rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"create"}},
		),
		clusterRoleBinding(reconcilerSA, prowNamespace, reconcilerSA),
	}
}

func clusterRole(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
}

func clusterRoleBinding(role, namespace, sa string) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: sa}},
	}
}

func role(namespace, name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Rules: rules}
}

func roleBinding(namespace, role, saNamespace, sa string) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: saNamespace, Name: sa}},
	}
}
