package appci

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
)

func reconcilerLabels() map[string]string {
	return map[string]string{labelApp: Reconciler}
}

func service() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler, Labels: reconcilerLabels()},
		Spec: corev1.ServiceSpec{
			Selector: reconcilerLabels(),
			Ports:    []corev1.ServicePort{{Name: "metrics", Port: portMetrics, TargetPort: intstr.FromString("metrics")}},
		},
	}
}

// A monitor is a ServiceMonitor of the Prometheus operator, with the fields that are
// used here.
type monitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec monitorSpec `json:"spec"`
}

type monitorSpec struct {
	Selector  metav1.LabelSelector `json:"selector"`
	Endpoints []endpoint           `json:"endpoints"`
}

type endpoint struct {
	Port     string `json:"port"`
	Interval string `json:"interval"`
}

// serviceMonitor is where its targets are: a Prometheus of OpenShift for users' workloads
// looks for them nowhere else.
func serviceMonitor() *monitor {
	return &monitor{
		TypeMeta:   metav1.TypeMeta{APIVersion: "monitoring.coreos.com/v1", Kind: "ServiceMonitor"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler, Labels: reconcilerLabels()},
		Spec: monitorSpec{
			Selector:  metav1.LabelSelector{MatchLabels: reconcilerLabels()},
			Endpoints: []endpoint{{Port: "metrics", Interval: "30s"}},
		},
	}
}

// disruptionBudget keeps one at work.
func disruptionBudget() *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MinAvailable: new(intstr.FromInt32(1)),
			Selector:     &metav1.LabelSelector{MatchLabels: reconcilerLabels()},
			// Where both are unready, keeping them makes nothing available, and no node of
			// theirs could be drained.
			UnhealthyPodEvictionPolicy: new(policyv1.AlwaysAllow),
		},
	}
}

// networkPolicy lets Prometheus in, and the reconciler out to API servers, to the
// repository and to DNS, whose Pods on OpenShift listen on 5353. A kubelet's probes
// are never subject to a policy.
func networkPolicy(monitoring string) *networkingv1.NetworkPolicy {
	port := func(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
		return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: new(intstr.FromInt32(number))}
	}

	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: reconcilerLabels()},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From:  []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: monitoring}}}},
				Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, portMetrics)},
			}},
			Egress: []networkingv1.NetworkPolicyEgressRule{{
				Ports: []networkingv1.NetworkPolicyPort{
					port(corev1.ProtocolTCP, 443),
					port(corev1.ProtocolTCP, 6443),
					port(corev1.ProtocolTCP, 53),
					port(corev1.ProtocolUDP, 53),
					port(corev1.ProtocolTCP, 5353),
					port(corev1.ProtocolUDP, 5353),
				},
			}},
		},
	}
}
