//go:build linux

package stack

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ServiceAccounts on app.ci and on build clusters.
const (
	prowSA       = "prow-controller-manager"
	reconcilerSA = "ephemeralcluster-reconciler"
	ciOperatorSA = "ci-operator"
)

// ReconcilerUser is what API servers call the reconciler.
const ReconcilerUser = "system:serviceaccount:" + prowNamespace + ":" + reconcilerSA

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
