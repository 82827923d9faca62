package prowjob

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	ciOperator      = "ci-operator"
	ciOperatorImage = "quay-proxy.ci.openshift.org/openshift/ci:ci_ci-operator_latest"

	// envConfig is where ci-operator reads a configuration that still refers to
	// the step registry.
	envConfig = v1.ConfigVariable
	envIP     = "HTTP_SERVER_IP"

	// flagTarget is what ci-operator runs, and flagInputHash makes its namespace
	// that of one EphemeralCluster.
	flagTarget    = "--target"
	flagInputHash = "--input-hash"

	hiveCredentials = "hive-hive-credentials" //nolint:gosec // The name of a Secret is no credential.

	// gcsCredentials is the name of a volume that Prow's decoration adds.
	gcsCredentials = "gcs-credentials"
)

// mount is a Secret that the pod mounts. The Secret bears the volume's name
// unless it says otherwise, and volumes of others have none.
type mount struct {
	volume   string
	path     string
	secret   string
	items    []corev1.KeyToPath
	external bool
}

func mounts(claimed bool) []mount {
	m := []mount{
		{volume: "boskos", path: "/etc/boskos", secret: "boskos-credentials", items: []corev1.KeyToPath{{Key: "credentials", Path: "credentials"}}}, //nolint:gosec // The names of Secrets are no credentials.
		{volume: "ci-pull-credentials", path: "/secrets/ci-pull-credentials", secret: "ci-pull-credentials"},                                        //nolint:gosec // The names of Secrets are no credentials.
		{volume: gcsCredentials, path: "/secrets/gcs", external: true},
	}

	if claimed {
		m = append(m, mount{volume: hiveCredentials, path: "/secrets/" + hiveCredentials, secret: hiveCredentials})
	}

	return append(m,
		mount{volume: "manifest-tool-local-pusher", path: "/secrets/manifest-tool", secret: "manifest-tool-local-pusher"},
		mount{volume: "pull-secret", path: "/etc/pull-secret", secret: "registry-pull-credentials"},
		mount{volume: "result-aggregator", path: "/etc/report", secret: "result-aggregator"},
	)
}

func podSpec(ec *v1.EphemeralCluster, config string) *corev1.PodSpec {
	claimed := claimed(ec)

	container := corev1.Container{
		Image:           ciOperatorImage,
		ImagePullPolicy: corev1.PullAlways,
		Command:         []string{ciOperator},
		Args:            args(ec.GetName(), claimed),
		Env: []corev1.EnvVar{
			{Name: envIP, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
			{Name: envConfig, Value: literal(config)},
		},
		Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")},
		},
	}

	spec := &corev1.PodSpec{ServiceAccountName: ciOperator}

	for _, m := range mounts(claimed) {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: m.volume, MountPath: m.path, ReadOnly: true})

		if m.external {
			continue
		}

		spec.Volumes = append(spec.Volumes, corev1.Volume{
			Name:         m.volume,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: m.secret, Items: m.items}},
		})
	}

	spec.Containers = []corev1.Container{container}

	return spec
}

// args are in the order that deployed tools compare.
func args(name string, claimed bool) []string {
	a := []string{"--gcs-upload-secret=/secrets/gcs/service-account.json"}

	if claimed {
		a = append(a, "--hive-kubeconfig=/secrets/"+hiveCredentials+"/kubeconfig")
	}

	return append(a,
		"--image-import-pull-secret=/etc/pull-secret/.dockerconfigjson",
		"--lease-server-credentials-file=/etc/boskos/credentials",
		"--report-credentials-file=/etc/report/credentials",
		"--secret-dir=/secrets/ci-pull-credentials",
		flagTarget+"="+v1.TestName,
		flagInputHash+"="+name,
	)
}
