package manifest

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Namespace returns a namespace that Argo CD does not delete.
func Namespace(name string, annotations ...string) *corev1.Namespace {
	ns := &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{AnnotationSyncOptions: Keep}},
	}

	for i := 0; i+1 < len(annotations); i += 2 {
		ns.Annotations[annotations[i]] = annotations[i+1]
	}

	return ns
}

// ServiceAccount returns a ServiceAccount.
func ServiceAccount(namespace, name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
	}
}

// Token returns the Secret that a ServiceAccount's long-lived token is kept in.
func Token(account *corev1.ServiceAccount, name string) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   account.Namespace,
			Name:        name,
			Annotations: map[string]string{corev1.ServiceAccountNameKey: account.Name},
		},
		Type: corev1.SecretTypeServiceAccountToken,
	}
}

// Rule returns a rule on resources of one API group, given as a list with commas.
func Rule(group, resources, verbs string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{
		APIGroups:     []string{group},
		Resources:     strings.Split(resources, ","),
		Verbs:         strings.Split(verbs, ","),
		ResourceNames: names,
	}
}

// ClusterRole returns a ClusterRole.
func ClusterRole(name string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{TypeMeta: rbacType("ClusterRole"), ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
}

// BindClusterRole returns a binding, of the role's name, to ServiceAccounts.
func BindClusterRole(role string, accounts ...*corev1.ServiceAccount) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   rbacType("ClusterRoleBinding"),
		ObjectMeta: metav1.ObjectMeta{Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		Subjects:   subjects(accounts),
	}
}

// Role returns a Role.
func Role(namespace, name string, rules ...rbacv1.PolicyRule) *rbacv1.Role {
	return &rbacv1.Role{TypeMeta: rbacType("Role"), ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Rules: rules}
}

// BindRole returns a binding, of the role's name, to ServiceAccounts.
func BindRole(namespace, role string, accounts ...*corev1.ServiceAccount) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta:   rbacType("RoleBinding"),
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role},
		Subjects:   subjects(accounts),
	}
}

// Username is what API servers call a ServiceAccount.
func Username(namespace, name string) string {
	return "system:serviceaccount:" + namespace + ":" + name
}

// Strings writes a list of strings in CEL, one a line, for a diff to read well.
func Strings(indent string, values ...string) string {
	quoted := make([]string, 0, len(values))
	for _, v := range values {
		quoted = append(quoted, "\n"+indent+"  "+strconv.Quote(v))
	}

	return "[" + strings.Join(quoted, ",") + "\n" + indent + "]"
}

func rbacType(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

func subjects(accounts []*corev1.ServiceAccount) []rbacv1.Subject {
	out := make([]rbacv1.Subject, 0, len(accounts))
	for _, a := range accounts {
		out = append(out, rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: a.Namespace, Name: a.Name})
	}

	return out
}
