package manifest

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Policy is a ValidatingAdmissionPolicy that denies, wherever its rule matches.
type Policy struct {
	Name string

	// Group and Resources that it is about, in all versions.
	Group     string
	Resources []string

	Operations  []admissionv1.OperationType
	Conditions  []admissionv1.MatchCondition
	Variables   []admissionv1.Variable
	Validations []admissionv1.Validation
}

// Objects returns the policy and its binding.
func (p Policy) Objects() []any {
	group := admissionv1.SchemeGroupVersion.String()

	return []any{
		&admissionv1.ValidatingAdmissionPolicy{
			TypeMeta:   metav1.TypeMeta{APIVersion: group, Kind: "ValidatingAdmissionPolicy"},
			ObjectMeta: metav1.ObjectMeta{Name: p.Name},
			Spec: admissionv1.ValidatingAdmissionPolicySpec{
				// A request that cannot be judged is refused.
				FailurePolicy: new(admissionv1.Fail),
				MatchConstraints: &admissionv1.MatchResources{
					ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
						Operations: p.Operations,
						Rule:       admissionv1.Rule{APIGroups: []string{p.Group}, APIVersions: []string{"*"}, Resources: p.Resources},
					}}},
				},
				MatchConditions: p.Conditions,
				Variables:       p.Variables,
				Validations:     p.Validations,
			},
		},
		&admissionv1.ValidatingAdmissionPolicyBinding{
			TypeMeta:   metav1.TypeMeta{APIVersion: group, Kind: "ValidatingAdmissionPolicyBinding"},
			ObjectMeta: metav1.ObjectMeta{Name: p.Name},
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
				PolicyName:        p.Name,
				ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			},
		},
	}
}
