package v1

// Names that other programs match on EphemeralClusters and on what is made of them.
const (
	// AnnotationKonfluxCluster names the Konflux cluster that the request came from.
	AnnotationKonfluxCluster = "ephemeralcluster.ci.openshift.io/konflux-cluster"

	// AnnotationKonfluxTenant names the tenant namespace that the request came from.
	AnnotationKonfluxTenant = "ephemeralcluster.ci.openshift.io/konflux-tenant"

	// AnnotationPipelineRunName names the tenant's PipelineRun.
	AnnotationPipelineRunName = "ephemeralcluster.ci.openshift.io/pipeline-run-name"

	// AnnotationTaskRunName names the tenant's TaskRun.
	AnnotationTaskRunName = "ephemeralcluster.ci.openshift.io/task-run-name"

	// Finalizer keeps an EphemeralCluster until its ProwJob has ended.
	Finalizer = "ephemeralcluster.ci.openshift.io/dependent-prowjob"

	// LabelEphemeralCluster on a ProwJob names its EphemeralCluster.
	LabelEphemeralCluster = "ci.openshift.io/ephemeral-cluster"

	// LabelJobID on a build cluster's namespace names the ProwJob that ci-operator
	// made it for.
	LabelJobID = "ci.openshift.io/jobid"

	// DefaultNamespace holds the EphemeralClusters on app.ci.
	DefaultNamespace = "ephemeral-cluster"

	// TestName is the name of the one test, and the target, of every ci-operator
	// configuration made for an EphemeralCluster; ci-operator names Secrets after it.
	TestName = "cluster-provisioning"

	// SecretTestDone is the Secret whose existence in the ci-operator namespace
	// tells the wait step to end.
	SecretTestDone = "test-done-signal"

	// KeyKubeconfig is the key of the kubeconfig in a credentials Secret.
	KeyKubeconfig = "kubeconfig"

	// KeyKubeAdminPassword is the key of the kubeadmin user's password in a
	// credentials Secret. It always exists, and may be empty.
	KeyKubeAdminPassword = "kubeAdminPassword"
)

// CredentialsSecretName is the name of the Secret that an EphemeralCluster's
// credentials are published in.
func CredentialsSecretName(ephemeralCluster string) string {
	return ephemeralCluster + "-credentials"
}
