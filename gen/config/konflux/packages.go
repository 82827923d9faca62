package konflux

import (
	xv1alpha1 "github.com/crossplane/crossplane/apis/v2/apiextensions/v1alpha1"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ephemeral-clusters/ephemeral-clusters/api/testplatform/v1alpha1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

const (
	// ProviderName is the name of provider-kubernetes' package, and of the
	// ServiceAccount that it runs as.
	ProviderName = "provider-kubernetes"

	// ProviderRuntime is the DeploymentRuntimeConfig that says how it runs.
	ProviderRuntime = "provider-kubernetes-runtime-config"

	// activation is the policy that starts its controllers.
	activation = "testplatform"

	// container is what Crossplane calls a package's container.
	container = "package-runtime"

	// AnnotationToken on the provider's Pods is the Secret, on app.ci, of the token that
	// they were started with.
	AnnotationToken = v1alpha1.Group + "/app-ci-token"

	labelVersion = "app.kubernetes.io/version"
)

// packages are what an environment's versions decide.
func packages(p environments.Packages, v environments.Versions) []any {
	return []any{
		&pkgv1.Provider{
			TypeMeta:   metav1.TypeMeta{APIVersion: pkgv1.SchemeGroupVersion.String(), Kind: pkgv1.ProviderKind},
			ObjectMeta: versioned(keptMeta(ProviderName), v.Provider),
			Spec: pkgv1.ProviderSpec{
				PackageSpec:        pkgv1.PackageSpec{Package: p.Provider + "@" + v.Provider.Digest},
				PackageRuntimeSpec: runtimeOf(ProviderRuntime),
			},
		},
		&pkgv1.Function{
			TypeMeta:   metav1.TypeMeta{APIVersion: pkgv1.SchemeGroupVersion.String(), Kind: pkgv1.FunctionKind},
			ObjectMeta: versioned(keptMeta(v1alpha1.FunctionName), v.Function),
			Spec: pkgv1.FunctionSpec{
				PackageSpec:        pkgv1.PackageSpec{Package: p.Function + "@" + v.Function.Digest},
				PackageRuntimeSpec: runtimeOf(v1alpha1.FunctionName),
			},
		},
	}
}

func versioned(m metav1.ObjectMeta, r environments.Release) metav1.ObjectMeta {
	m.Labels = map[string]string{labelVersion: r.Version}

	return m
}

func runtimeOf(name string) pkgv1.PackageRuntimeSpec {
	return pkgv1.PackageRuntimeSpec{RuntimeConfigReference: &pkgv1.RuntimeConfigReference{
		APIVersion: new(pkgv1beta1.SchemeGroupVersion.String()),
		Kind:       new(pkgv1beta1.DeploymentRuntimeConfigKind),
		Name:       name,
	}}
}

// provider says how provider-kubernetes runs. It keeps Secrets out of the status of its
// Objects, and watches what they are about. It runs as a ServiceAccount whose name is
// known, because policies and rights name it. Its watches keep to the token that they
// began with (its 1.3.1 holds one per ProviderConfig and kind, with the configuration
// of its start), so that another version of the token starts it anew, and so does the
// token of another credential.
func provider(token string) []any {
	c := runtimeConfig(ProviderRuntime, corev1.PodSpec{
		ServiceAccountName: ProviderName,
		Containers:         []corev1.Container{{Args: []string{"--sanitize-secrets", "--enable-watches"}, Resources: requests("100m", "256Mi")}},
	})
	c.Spec.DeploymentTemplate.Spec.Template.Annotations = map[string]string{AnnotationToken: token}

	return []any{c}
}

// runtime says how the function runs, and what the provider needs to. While no function
// answers, Crossplane can tell nothing of any claim: there are two, which know nothing of
// each other.
func runtime() []any {
	function := runtimeConfig(v1alpha1.FunctionName, corev1.PodSpec{Containers: []corev1.Container{{Resources: requests("50m", "64Mi")}}})
	function.Spec.DeploymentTemplate.Spec.Replicas = new(int32(2))

	return []any{
		manifest.ServiceAccount(crossplaneNamespace, ProviderName),
		function,
		// provider-kubernetes starts the controllers of activated kinds only.
		&xv1alpha1.ManagedResourceActivationPolicy{
			TypeMeta:   metav1.TypeMeta{APIVersion: xv1alpha1.SchemeGroupVersion.String(), Kind: xv1alpha1.ManagedResourceActivationPolicyKind},
			ObjectMeta: meta(activation),
			Spec:       xv1alpha1.ManagedResourceActivationPolicySpec{Activations: []xv1alpha1.ActivationPolicy{"objects." + groupCluster, "objects." + groupNamespaced}},
		},
	}
}

// requests keep a Pod from being the first that a node in need of memory evicts.
func requests(cpu, memory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}}
}

// runtimeConfig leaves the user to the cluster: OpenShift gives each namespace its
// own, and refuses the one that Crossplane would choose.
func runtimeConfig(name string, pod corev1.PodSpec) *pkgv1beta1.DeploymentRuntimeConfig {
	pod.SecurityContext = &corev1.PodSecurityContext{
		RunAsNonRoot:   new(true),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	pod.Containers[0].Name = container
	pod.Containers[0].SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}

	return &pkgv1beta1.DeploymentRuntimeConfig{
		TypeMeta:   metav1.TypeMeta{APIVersion: pkgv1beta1.SchemeGroupVersion.String(), Kind: pkgv1beta1.DeploymentRuntimeConfigKind},
		ObjectMeta: meta(name),
		Spec: pkgv1beta1.DeploymentRuntimeConfigSpec{DeploymentTemplate: &pkgv1beta1.DeploymentTemplate{Spec: &appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{},
			Template: corev1.PodTemplateSpec{Spec: pod},
		}}},
	}
}
