package appci

import (
	"path"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

const (
	// Reconciler is the name of the reconciler's ServiceAccount, here and on build
	// clusters, and of all else that is the reconciler's.
	Reconciler = "ephemeralcluster-reconciler"

	// lease is what the reconciler calls its Lease.
	lease = "ephemeral-cluster-reconciler"

	portMetrics = 9090
	portHealth  = 8081

	labelApp = "app"

	checkoutVolume    = "release"
	checkoutLink      = "release"
	checkoutDir       = "/var/repo"
	kubeconfigs       = "kubeconfigs"
	kubeconfigsDir    = "/var/kubeconfigs"
	kubeconfigsSuffix = "config"
)

// reconcilerRights are what the reconciler needs on app.ci.
func reconcilerRights(namespaces []string) []any {
	account := manifest.ServiceAccount(environments.ProwNamespace, Reconciler)

	objs := make([]any, 0, 3+2*len(namespaces))
	objs = append(objs,
		account,
		manifest.Role(environments.ProwNamespace, Reconciler, append([]rbacv1.PolicyRule{
			manifest.Rule("prow.k8s.io", "prowjobs", "get,list,watch,create,patch"),
			// A name cannot limit what is created.
			manifest.Rule("coordination.k8s.io", "leases", "create"),
			manifest.Rule("coordination.k8s.io", "leases", "get,update", lease),
		}, events()...)...),
		manifest.BindRole(environments.ProwNamespace, Reconciler, account),
	)

	for _, ns := range namespaces {
		objs = append(objs,
			manifest.Role(ns, Reconciler, append([]rbacv1.PolicyRule{
				manifest.Rule(v1.Group, plural, "get,list,watch,patch"),
				manifest.Rule(v1.Group, plural+"/status", "patch"),
				manifest.Rule(corev1.GroupName, "secrets", "get,create,update"),
			}, events()...)...),
			manifest.BindRole(ns, Reconciler, account),
		)
	}

	return objs
}

// events can be recorded in either API.
func events() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		manifest.Rule(corev1.GroupName, "events", "create,patch"),
		manifest.Rule("events.k8s.io", "events", "create,patch"),
	}
}

// reconciler returns the reconciler's Deployment and what is around it.
func reconciler(f *environments.File) []any {
	return []any{
		deployment(f),
		service(),
		serviceMonitor(),
		alerts(),
		disruptionBudget(),
		networkPolicy(f.AppCI.Reconciler.MonitoringNamespace),
	}
}

func deployment(f *environments.File) *appsv1.Deployment {
	r := f.AppCI.Reconciler
	image := f.AppCI.Versions.Reconciler

	labels := map[string]string{labelApp: Reconciler}
	checkout := corev1.VolumeMount{Name: checkoutVolume, MountPath: checkoutDir}

	// The reconciler reads files as it starts.
	once := gitSync(r, "git-sync-init", "--one-time=true")
	keep := gitSync(r, "git-sync", "--period=30s", "--max-failures=3")

	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: environments.ProwNamespace, Name: Reconciler, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			// One works, and the other takes over at once.
			Replicas: new(int32(2)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{labelApp: Reconciler, "app.kubernetes.io/version": image.Version}},
				Spec: corev1.PodSpec{
					ServiceAccountName: Reconciler,
					SecurityContext: &corev1.PodSecurityContext{
						RunAsNonRoot:   new(true),
						SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
					},
					TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
						MaxSkew:           1,
						TopologyKey:       corev1.LabelHostname,
						WhenUnsatisfiable: corev1.ScheduleAnyway,
						LabelSelector:     &metav1.LabelSelector{MatchLabels: labels},
					}},
					InitContainers: []corev1.Container{once},
					Containers: []corev1.Container{
						{
							Name:  "reconciler",
							Image: f.Packages.Reconciler + "@" + image.Digest,
							Args:  args(f),
							Ports: []corev1.ContainerPort{
								{Name: "metrics", ContainerPort: portMetrics},
								{Name: "health", ContainerPort: portHealth},
							},
							LivenessProbe:  probe("/healthz"),
							ReadinessProbe: probe("/readyz"),
							Resources:      requests("100m", "512Mi"),
							SecurityContext: &corev1.SecurityContext{
								AllowPrivilegeEscalation: new(false),
								ReadOnlyRootFilesystem:   new(true),
								Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
							},
							VolumeMounts: []corev1.VolumeMount{
								{Name: kubeconfigs, MountPath: kubeconfigsDir, ReadOnly: true},
								{Name: checkout.Name, MountPath: checkout.MountPath, ReadOnly: true},
							},
						},
						keep,
					},
					Volumes: []corev1.Volume{
						{Name: kubeconfigs, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: r.KubeconfigSecret}}},
						{Name: checkoutVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
					},
				},
			},
		},
	}
}

// args are the reconciler's flags.
func args(f *environments.File) []string {
	r := f.AppCI.Reconciler
	root := path.Join(checkoutDir, checkoutLink)

	return slices.Concat([]string{
		"--config-path=" + path.Join(root, r.ProwConfig),
		"--cluster-profiles-config=" + path.Join(root, r.ClusterProfiles),
		"--kubeconfig-dir=" + kubeconfigsDir,
		"--kubeconfig-suffix=" + kubeconfigsSuffix,
		"--max-lifetime=" + r.MaxLifetime,
	}, repeat("--namespace=", f.Namespaces()), repeat("--privileged-tenant=", r.PrivilegedTenants))
}

func repeat(flag string, values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, flag+v)
	}

	return out
}

// gitSync keeps a checkout for the reconciler.
func gitSync(r environments.Reconciler, name string, more ...string) corev1.Container {
	return corev1.Container{
		Name:    name,
		Image:   r.GitSyncImage,
		Command: []string{"/git-sync"},
		Args: append([]string{
			"--repo=" + r.Repository,
			"--root=" + checkoutDir,
			"--link=" + checkoutLink,
			"--depth=1",
		}, more...),
		Resources: requests("500m", "1Gi"),
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: checkoutVolume, MountPath: checkoutDir}},
	}
}

func probe(path string) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("health")}}}
}

func requests(cpu, memory string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Requests: corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse(cpu),
		corev1.ResourceMemory: resource.MustParse(memory),
	}}
}
