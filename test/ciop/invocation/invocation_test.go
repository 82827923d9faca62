//go:build linux

package invocation

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/pod-utils/decorate"
)

const cfg = `
base_images: {cli: {name: "4.21", namespace: ocp, tag: cli}}
resources: {'*': {requests: {cpu: 200m}}}
zz_generated_metadata: {org: org, repo: repo, branch: branch}
tests:
- as: cluster-provisioning
  cron: '@yearly'
  CLUSTER
  steps:
    workflow: ipi-aws
    PROFILE
    test:
    - {as: wait-test-complete, from: cli, commands: "true", resources: {requests: {cpu: 10m}}}
`

func profileConfig() string {
	return strings.NewReplacer("CLUSTER", "", "PROFILE", "cluster_profile: aws").Replace(cfg)
}

func claimConfig() string {
	return strings.NewReplacer("CLUSTER", "cluster_claim: {cloud: aws, owner: ci, version: '4.20'}", "PROFILE", "").Replace(cfg)
}

// prowJob is a ProwJob as the reconciler makes it.
func prowJob(config string, claim bool) *prowv1.ProwJob {
	c := corev1.Container{
		Image:   image,
		Command: []string{"ci-operator"},
		Env: []corev1.EnvVar{
			{Name: "HTTP_SERVER_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
			{Name: "UNRESOLVED_CONFIG", Value: config},
		},
	}

	for _, a := range args() {
		switch {
		case a.name == inputHash:
			c.Args = append(c.Args, "--"+a.name+"=ec")
		case claim || !a.claim:
			c.Args = append(c.Args, "--"+a.name+"="+a.value)
		}
	}

	var volumes []corev1.Volume

	for _, m := range mounts() {
		if m.claim && !claim {
			continue
		}

		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: m.volume, MountPath: m.path, ReadOnly: true})

		// This one comes from Prow's decoration.
		if m.volume == "gcs-credentials" {
			continue
		}

		s := &corev1.SecretVolumeSource{SecretName: m.volume}
		if m.secret != "" {
			s.SecretName = m.secret
		}

		if m.key != "" {
			s.Items = []corev1.KeyToPath{{Key: m.key, Path: m.key}}
		}

		volumes = append(volumes, corev1.Volume{Name: m.volume, VolumeSource: corev1.VolumeSource{Secret: s}})
	}

	skip, gcs := true, "gce-sa-credentials-gcs-publisher"

	return &prowv1.ProwJob{
		ObjectMeta: metav1.ObjectMeta{Name: "pj"},
		Spec: prowv1.ProwJobSpec{
			Type:  prowv1.PeriodicJob,
			Agent: prowv1.KubernetesAgent,
			Job:   "ephemeralcluster-ci-run",
			PodSpec: &corev1.PodSpec{
				ServiceAccountName: serviceAccount,
				Containers:         []corev1.Container{c},
				Volumes:            volumes,
			},
			DecorationConfig: &prowv1.DecorationConfig{
				SkipCloning:          &skip,
				GCSCredentialsSecret: &gcs,
				GCSConfiguration:     &prowv1.GCSConfiguration{Bucket: "b", PathStrategy: prowv1.PathStrategyExplicit},
				UtilityImages:        &prowv1.UtilityImages{CloneRefs: "c", InitUpload: "i", Entrypoint: "e", Sidecar: "s"},
				Timeout:              &prowv1.Duration{Duration: 8 * time.Hour},
			},
		},
	}
}

func TestFromPod(t *testing.T) {
	type args struct {
		config string
		claim  bool

		// job and pod change the ProwJob, and the pod that Prow makes of it.
		job func(*prowv1.ProwJob)
		pod func(*corev1.Pod)
	}

	type want struct {
		inv *Invocation

		// err is a part of the error's text: one that says what is wrong.
		err string
	}

	test := func(f func(c *corev1.Container)) func(*corev1.Pod) {
		return func(p *corev1.Pod) { f(&p.Spec.Containers[0]) }
	}

	cases := map[string]struct {
		reason string
		args   args
		want   want
	}{
		"Profile": {
			reason: "A pod as Prow makes it is understood.",
			args:   args{config: profileConfig()},
			want: want{inv: &Invocation{
				ProwJob: "pj", Job: "ephemeralcluster-ci-run", JobType: "periodic",
				InputHash: "ec", Timeout: 8 * time.Hour, RawConfig: profileConfig(),
			}},
		},
		"Claim": {
			reason: "A cluster claim's pod has Hive's kubeconfig, too.",
			args:   args{config: claimConfig(), claim: true},
			want: want{inv: &Invocation{
				ProwJob: "pj", Job: "ephemeralcluster-ci-run", JobType: "periodic",
				InputHash: "ec", Timeout: 8 * time.Hour, RawConfig: claimConfig(),
			}},
		},
		"DefaultTimeout": {
			reason: "Prow's entrypoint wrapper has a timeout of its own.",
			args:   args{config: profileConfig(), job: func(pj *prowv1.ProwJob) { pj.Spec.DecorationConfig.Timeout = nil }},
			want: want{inv: &Invocation{
				ProwJob: "pj", Job: "ephemeralcluster-ci-run", JobType: "periodic",
				InputHash: "ec", Timeout: 2 * time.Hour, RawConfig: profileConfig(),
			}},
		},
		"ClaimWithoutHive": {
			reason: "A cluster claim is made with Hive's kubeconfig.",
			args:   args{config: claimConfig()},
			want:   want{err: "--hive-kubeconfig is missing"},
		},
		"HiveWithoutClaim": {
			reason: "Hive's kubeconfig is for cluster claims only.",
			args:   args{config: profileConfig(), claim: true},
			want:   want{err: `unknown argument "--hive-kubeconfig`},
		},
		"NotDecorated": {
			reason: "Without decoration nothing would enforce the timeout.",
			args:   args{config: profileConfig(), job: func(pj *prowv1.ProwJob) { pj.Spec.DecorationConfig = nil }},
			want:   want{err: "not decorated"},
		},
		"NoEntrypointOptions": {
			reason: "The entrypoint wrapper does not run without options.",
			args:   args{config: profileConfig(), pod: test(func(c *corev1.Container) { unset(c, "ENTRYPOINT_OPTIONS") })},
			want:   want{err: "ENTRYPOINT_OPTIONS is not set"},
		},
		"OtherCommand": {
			reason: "Nothing but ci-operator is stood in for.",
			args:   args{config: profileConfig(), job: func(pj *prowv1.ProwJob) { pj.Spec.PodSpec.Containers[0].Command = []string{"sh"} }},
			want:   want{err: `command "sh"`},
		},
		"OtherImage": {
			reason: "An image that does not exist cannot be pulled.",
			args:   args{config: profileConfig(), job: func(pj *prowv1.ProwJob) { pj.Spec.PodSpec.Containers[0].Image = "ci-operator" }},
			want:   want{err: "cannot pull image"},
		},
		"OtherServiceAccount": {
			reason: "ci-operator needs the rights of its own ServiceAccount.",
			args:   args{config: profileConfig(), job: func(pj *prowv1.ProwJob) { pj.Spec.PodSpec.ServiceAccountName = "default" }},
			want:   want{err: "ServiceAccount"},
		},
		"OtherProwJob": {
			reason: "The label that ci-operator's namespace is found by must be the ProwJob's name.",
			args:   args{config: profileConfig(), pod: func(p *corev1.Pod) { p.Labels[LabelProwJob] = "other" }},
			want:   want{err: "labelled"},
		},
		"NotPeriodic": {
			reason: "The job is triggered by no change of a repository.",
			args: args{config: profileConfig(), job: func(pj *prowv1.ProwJob) {
				pj.Spec.Type, pj.Spec.Refs = prowv1.PostsubmitJob, &prowv1.Refs{Org: "o", Repo: "r", BaseRef: "main"}
			}},
			want: want{err: "job is of type"},
		},
		"ExtraRefs": {
			reason: "The job is of no repository.",
			args: args{config: profileConfig(), job: func(pj *prowv1.ProwJob) {
				pj.Spec.ExtraRefs = []prowv1.Refs{{Org: "o", Repo: "r", BaseRef: "main"}}
			}},
			want: want{err: "refs"},
		},
		"NoServerIP": {
			reason: "ci-operator serves what builds fetch from it at the pod's address.",
			args:   args{config: profileConfig(), pod: test(func(c *corev1.Container) { unset(c, "HTTP_SERVER_IP") })},
			want:   want{err: "HTTP_SERVER_IP"},
		},
		"NoConfig": {
			reason: "ci-operator does not run without a configuration.",
			args:   args{},
			want:   want{err: "UNRESOLVED_CONFIG is not set"},
		},
		"BadConfig": {
			reason: "ci-operator does not run with an invalid configuration.",
			args:   args{config: "tests: []"},
			want:   want{err: "invalid ci-operator configuration"},
		},
		"NotMounted": {
			reason: "ci-operator would not find the file.",
			args: args{config: profileConfig(), pod: test(func(c *corev1.Container) {
				c.VolumeMounts = c.VolumeMounts[1:]
			})},
			want: want{err: `volume "boskos" is not mounted`},
		},
		"NoContainer": {
			reason: "Prow names the container that ci-operator is in.",
			args:   args{config: profileConfig(), pod: test(func(c *corev1.Container) { c.Name = "other" })},
			want:   want{err: "no container"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pj := prowJob(tc.args.config, tc.args.claim)
			if tc.args.job != nil {
				tc.args.job(pj)
			}

			pod, err := decorate.ProwJobToPod(*pj)
			if err != nil {
				t.Fatal(err)
			}

			if tc.args.pod != nil {
				tc.args.pod(pod)
			}

			got, err := FromPod(pod)
			if tc.want.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.want.err) {
					t.Errorf("%s\nFromPod(...): want an error about %q, got: %v", tc.reason, tc.want.err, err)
				}

				return
			}

			if err != nil {
				t.Fatalf("%s\nFromPod(...): %v", tc.reason, err)
			}

			if diff := cmp.Diff(tc.want.inv, got, cmpopts.IgnoreFields(Invocation{}, "Config")); diff != "" {
				t.Errorf("%s\nFromPod(...): -want, +got:\n%s", tc.reason, diff)
			}

			if diff := cmp.Diff(tc.args.claim, got.Claim()); diff != "" {
				t.Errorf("%s\nClaim(): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func unset(c *corev1.Container, name string) {
	for i := range c.Env {
		if c.Env[i].Name == name {
			c.Env[i].Name += "_UNSET"
		}
	}
}
