package prowjob

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/config"
	"sigs.k8s.io/prow/pkg/pod-utils/decorate"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/cioperator"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
)

const prowConfig = `
prowjob_namespace: ci
pod_namespace: ci
plank:
  job_url_prefix_config:
    '*': https://prow.example.com/view/
  default_decoration_config_entries:
  - config:
      timeout: 4h
      grace_period: 30m
      gcs_credentials_secret: gce-sa-credentials-gcs-publisher
      gcs_configuration:
        bucket: test-platform-results
        path_strategy: single
        default_org: openshift
        default_repo: origin
      utility_images:
        clonerefs: clonerefs:latest
        initupload: initupload:latest
        entrypoint: entrypoint:latest
        sidecar: sidecar:latest
`

const presets = `
presets:
- labels:
    pj-rehearse.openshift.io/can-be-rehearsed: "true"
  env:
  - name: FROM_PRESET
    value: "yes"
`

var cliTag = v1.ImageStreamTag{Namespace: "ocp", Name: "4.21", Tag: "cli"}

func load(t *testing.T, content string) config.Getter {
	t.Helper()

	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}

	c, err := config.Load(path, "", nil, "")
	if err != nil {
		t.Fatalf("config.Load(...): %v", err)
	}

	return func() *config.Config { return c }
}

func ephemeralCluster(mods ...func(*v1.EphemeralCluster)) *v1.EphemeralCluster {
	ec := &v1.EphemeralCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ephemeral-cluster", Name: "ec-1", UID: "0f2b4c3e-0000-4000-8000-000000000001"},
		Spec: v1.EphemeralClusterSpec{CIOperator: v1.CIOperatorSpec{
			Releases: map[string]v1.Release{"latest": {Candidate: &v1.Candidate{Product: "ocp", Stream: "nightly", Version: "4.20"}}},
			Test:     v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"},
		}},
	}
	for _, fn := range mods {
		fn(ec)
	}

	return ec
}

func claim(ec *v1.EphemeralCluster) {
	ec.Spec.CIOperator.Releases = nil
	ec.Spec.CIOperator.Test = v1.Test{ClusterClaim: &v1.ClusterClaim{Cloud: "aws", Owner: "openshift-ci", Version: "4.20"}}
}

func TestBuild(t *testing.T) {
	aws := &profiles.Profile{Name: "aws", ClusterType: "aws-type"}

	volume := func(name, secret string, items ...corev1.KeyToPath) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, Items: items}}}
	}
	mount := func(name, path string) corev1.VolumeMount {
		return corev1.VolumeMount{Name: name, MountPath: path, ReadOnly: true}
	}
	unresolved := func(ec *v1.EphemeralCluster) string {
		c, err := cioperator.New(ec.Spec.CIOperator, cliTag, 25*time.Hour)
		if err != nil {
			t.Fatal(err)
		}

		s, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}

		return s
	}
	container := func(ec *v1.EphemeralCluster) corev1.Container {
		return corev1.Container{
			Image:           "quay-proxy.ci.openshift.org/openshift/ci:ci_ci-operator_latest",
			ImagePullPolicy: corev1.PullAlways,
			Command:         []string{"ci-operator"},
			Args: []string{
				"--gcs-upload-secret=/secrets/gcs/service-account.json",
				"--image-import-pull-secret=/etc/pull-secret/.dockerconfigjson",
				"--lease-server-credentials-file=/etc/boskos/credentials",
				"--report-credentials-file=/etc/report/credentials",
				"--secret-dir=/secrets/ci-pull-credentials",
				"--target=cluster-provisioning",
				"--input-hash=ec-1",
			},
			Env: []corev1.EnvVar{
				{Name: "HTTP_SERVER_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
				{Name: "UNRESOLVED_CONFIG", Value: unresolved(ec)},
			},
			Ports:     []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}},
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")}},
			VolumeMounts: []corev1.VolumeMount{
				mount("boskos", "/etc/boskos"),
				mount("ci-pull-credentials", "/secrets/ci-pull-credentials"),
				mount("gcs-credentials", "/secrets/gcs"),
				mount("manifest-tool-local-pusher", "/secrets/manifest-tool"),
				mount("pull-secret", "/etc/pull-secret"),
				mount("result-aggregator", "/etc/report"),
			},
		}
	}
	decoration := func(fn func(*prowv1.DecorationConfig)) *prowv1.DecorationConfig {
		d := load(t, prowConfig)().Plank.GuessDefaultDecorationConfig("", "build01")
		d.Timeout = &prowv1.Duration{Duration: 29 * time.Hour}
		fn(d)

		return d
	}
	want := func(ec *v1.EphemeralCluster, mods ...func(*prowv1.ProwJob)) *prowv1.ProwJob {
		const job = "ephemeralcluster-ci-org-repo-branch-cluster-provisioning"

		pj := &prowv1.ProwJob{
			TypeMeta: metav1.TypeMeta{APIVersion: "prow.k8s.io/v1", Kind: "ProwJob"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "ci",
				Name:      Name(ec.GetUID()),
				Labels: map[string]string{
					"ci.openshift.io/ephemeral-cluster":              "ec-1",
					"pj-rehearse.openshift.io/can-be-rehearsed":      "true",
					"ci-operator.openshift.io/cloud":                 "aws-type",
					"ci-operator.openshift.io/cloud-cluster-profile": "aws",
					"job-release":         "4.20",
					"created-by-prow":     "true",
					"prow.k8s.io/type":    "periodic",
					"prow.k8s.io/job":     job,
					"prow.k8s.io/context": "",
				},
				Annotations: map[string]string{
					"prow.k8s.io/job":                            job,
					"prow.k8s.io/context":                        "",
					"ephemeralcluster.ci.openshift.io/namespace": "ephemeral-cluster",
					"ephemeralcluster.ci.openshift.io/uid":       string(ec.GetUID()),
					"ephemeralcluster.ci.openshift.io/workflow":  ec.Spec.CIOperator.Test.Workflow,
					"ephemeralcluster.ci.openshift.io/request":   request(ec),
					"ephemeralcluster.ci.openshift.io/claimed":   strconv.FormatBool(claimed(ec)),
				},
			},
			Spec: prowv1.ProwJobSpec{
				Type:      prowv1.PeriodicJob,
				Agent:     prowv1.KubernetesAgent,
				Cluster:   "build01",
				Namespace: "ci",
				Job:       job,
				Report:    false,
				PodSpec: &corev1.PodSpec{
					ServiceAccountName: "ci-operator",
					Containers:         []corev1.Container{container(ec)},
					Volumes: []corev1.Volume{
						volume("boskos", "boskos-credentials", corev1.KeyToPath{Key: "credentials", Path: "credentials"}),
						volume("ci-pull-credentials", "ci-pull-credentials"),
						volume("manifest-tool-local-pusher", "manifest-tool-local-pusher"),
						volume("pull-secret", "registry-pull-credentials"),
						volume("result-aggregator", "result-aggregator"),
					},
				},
				ErrorOnEviction:  true,
				DecorationConfig: decoration(func(d *prowv1.DecorationConfig) { d.SkipCloning = new(true) }),
				ProwJobDefault:   &prowv1.ProwJobDefault{TenantID: config.DefaultTenantID},
			},
			Status: prowv1.ProwJobStatus{State: prowv1.SchedulingState},
		}
		for _, fn := range mods {
			fn(pj)
		}

		return pj
	}

	type outcome struct {
		pj  *prowv1.ProwJob
		err error
	}

	withRoot := ephemeralCluster(func(ec *v1.EphemeralCluster) {
		ec.Spec.CIOperator.BuildRoot = &v1.BuildRoot{FromRepository: true}
	})
	withClaim := ephemeralCluster(claim)
	named := ephemeralCluster(func(ec *v1.EphemeralCluster) {
		ec.SetAnnotations(map[string]string{v1.AnnotationPipelineRunName: "run-1", v1.AnnotationTaskRunName: "task-1"})
	})

	cases := map[string]struct {
		reason  string
		config  string
		ec      *v1.EphemeralCluster
		profile *profiles.Profile
		want    outcome
	}{
		"ClusterProfile": {
			reason:  "The whole ProwJob of a cluster with a profile.",
			config:  prowConfig,
			ec:      ephemeralCluster(),
			profile: aws,
			want:    outcome{pj: want(ephemeralCluster())},
		},
		"ClusterClaim": {
			reason: "A claimed cluster needs Hive's credentials and has no profile.",
			config: prowConfig,
			ec:     withClaim,
			want: outcome{pj: want(withClaim, func(pj *prowv1.ProwJob) {
				for _, l := range []string{"job-release", "ci-operator.openshift.io/cloud", "ci-operator.openshift.io/cloud-cluster-profile"} {
					delete(pj.Labels, l)
				}

				c := &pj.Spec.PodSpec.Containers[0]
				c.Args = append([]string{c.Args[0], "--hive-kubeconfig=/secrets/hive-hive-credentials/kubeconfig"}, c.Args[1:]...)
				m := c.VolumeMounts
				c.VolumeMounts = []corev1.VolumeMount{m[0], m[1], m[2], mount("hive-hive-credentials", "/secrets/hive-hive-credentials"), m[3], m[4], m[5]}
				v := pj.Spec.PodSpec.Volumes
				pj.Spec.PodSpec.Volumes = []corev1.Volume{v[0], v[1], volume("hive-hive-credentials", "hive-hive-credentials"), v[2], v[3], v[4]}
			})},
		},
		"BuildRootFromRepository": {
			reason:  "ci-operator reads the build root from a clone of one file.",
			config:  prowConfig,
			ec:      withRoot,
			profile: aws,
			want: outcome{pj: want(withRoot, func(pj *prowv1.ProwJob) {
				pj.Spec.DecorationConfig.SkipCloning = nil
				pj.Spec.DecorationConfig.SparseCheckoutFiles = []string{".ci-operator.yaml"}
			})},
		},
		"NoClusterType": {
			reason:  "A profile without a type gives its job no label of one.",
			config:  prowConfig,
			ec:      ephemeralCluster(),
			profile: &profiles.Profile{Name: "aws"},
			want: outcome{pj: want(ephemeralCluster(), func(pj *prowv1.ProwJob) {
				delete(pj.Labels, "ci-operator.openshift.io/cloud")
			})},
		},
		"PipelineRun": {
			reason:  "The job is named after the run that asks.",
			config:  prowConfig,
			ec:      named,
			profile: aws,
			want: outcome{pj: want(named, func(pj *prowv1.ProwJob) {
				pj.Spec.Job = "ephemeralcluster-ci-run-1"
				pj.Labels["prow.k8s.io/job"] = "ephemeralcluster-ci-run-1"
				pj.Annotations["prow.k8s.io/job"] = "ephemeralcluster-ci-run-1"
			})},
		},
		"Presets": {
			reason:  "Prow's presets apply.",
			config:  prowConfig + presets,
			ec:      ephemeralCluster(),
			profile: aws,
			want: outcome{pj: want(ephemeralCluster(), func(pj *prowv1.ProwJob) {
				c := &pj.Spec.PodSpec.Containers[0]
				c.Env = append(c.Env, corev1.EnvVar{Name: "FROM_PRESET", Value: "yes"})
			})},
		},
		"NothingToInstall": {
			reason: "No ProwJob can be made without a release.",
			config: prowConfig,
			ec:     ephemeralCluster(func(ec *v1.EphemeralCluster) { ec.Spec.CIOperator.Releases = nil }),
			want:   outcome{err: cioperator.ErrNoReleases},
		},
		"NoDecoration": {
			reason: "Prow could not run a pod that it cannot decorate.",
			config: "prowjob_namespace: ci\n",
			ec:     ephemeralCluster(),
			want:   outcome{err: cmpopts.AnyError},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := NewBuilder(load(t, tc.config), func() *Template { return nil }, cliTag, WithLifetime(24*time.Hour)).Build(tc.ec, tc.profile)
			if diff := cmp.Diff(tc.want.err, err, cmpopts.EquateErrors()); diff != "" {
				t.Fatalf("%s\nBuild(...): -want error, +got error:\n%s", tc.reason, diff)
			}

			ignore := cmpopts.IgnoreFields(prowv1.ProwJobStatus{}, "StartTime")
			if diff := cmp.Diff(tc.want.pj, got, ignore); diff != "" {
				t.Errorf("%s\nBuild(...): -want, +got:\n%s", tc.reason, diff)
			}

			if got == nil {
				return
			}

			if _, err := decorate.ProwJobToPod(*got); err != nil {
				t.Errorf("%s\nProw cannot make a pod of it: %v", tc.reason, err)
			}
		})
	}
}

func TestName(t *testing.T) {
	a, again, b := Name("uid-a"), Name("uid-a"), Name("uid-b")
	if a != again || a == b {
		t.Errorf("Name(...): want one name for each UID, got %q and %q for one, %q for another", a, again, b)
	}

	if wrong := validation.IsDNS1123Label(a); len(wrong) > 0 {
		t.Errorf("Name(...): %q: %v", a, wrong)
	}
}

func TestJobName(t *testing.T) {
	const anonymous = "ephemeralcluster-ci-org-repo-branch-cluster-provisioning"

	cases := map[string]struct {
		reason      string
		annotations map[string]string
		want        string
	}{
		"PipelineRun":  {reason: "The pipeline run comes first.", annotations: map[string]string{v1.AnnotationPipelineRunName: "p", v1.AnnotationTaskRunName: "t"}, want: "ephemeralcluster-ci-p"},
		"TaskRun":      {reason: "Then the task run.", annotations: map[string]string{v1.AnnotationTaskRunName: "t"}, want: "ephemeralcluster-ci-t"},
		"Neither":      {reason: "Then nobody.", want: anonymous},
		"Traversal":    {reason: "The name becomes a path in the artifacts' bucket.", annotations: map[string]string{v1.AnnotationPipelineRunName: "../other-job"}, want: anonymous},
		"UnusableThen": {reason: "A name that cannot be used is passed over.", annotations: map[string]string{v1.AnnotationPipelineRunName: "A B", v1.AnnotationTaskRunName: "t"}, want: "ephemeralcluster-ci-t"},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ec := ephemeralCluster(func(ec *v1.EphemeralCluster) { ec.SetAnnotations(tc.annotations) })
			if got := JobName(ec); got != tc.want {
				t.Errorf("%s\nJobName(...): want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}
