package prowjob

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestParseTemplate(t *testing.T) {
	cases := map[string]struct {
		reason string
		file   string
		want   error
	}{
		"Partial":        {reason: "A part of a pod is enough.", file: "priorityClassName: ci"},
		"NotYAML":        {reason: "A file that cannot be parsed is refused.", file: "{", want: cmpopts.AnyError},
		"Empty":          {reason: "A template that overrides nothing is a mistake.", file: "# nothing", want: cmpopts.AnyError},
		"List":           {reason: "A pod is no list.", file: "[]", want: cmpopts.AnyError},
		"UnknownField":   {reason: "A misspelt field must not be ignored.", file: "priorityClass: ci", want: cmpopts.AnyError},
		"Twice":          {reason: "A field that is there twice contradicts itself.", file: "priorityClassName: a\npriorityClassName: b", want: cmpopts.AnyError},
		"WrongType":      {reason: "A value must be of its field's type.", file: "priorityClassName: [ci]", want: cmpopts.AnyError},
		"WholePod":       {reason: "A PodSpec is asked for, and no Pod.", file: "spec: {priorityClassName: ci}", want: cmpopts.AnyError},
		"Container":      {reason: "Prow's name of the container.", file: "containers: [{name: test, image: ci-operator:next}]"},
		"OtherContainer": {reason: "A second container would be another job.", file: "containers: [{name: other}]", want: cmpopts.AnyError},
		"NoName":         {reason: "Containers are merged by name.", file: "containers: [{image: x}]", want: cmpopts.AnyError},
		"Config":         {reason: "The configuration is another for each cluster.", file: "containers: [{name: test, env: [{name: UNRESOLVED_CONFIG, value: x}]}]", want: cmpopts.AnyError},
		"Target":         {reason: "Secrets are named after the target.", file: "containers: [{name: test, args: [--target=x]}]", want: cmpopts.AnyError},
		"InputHash":      {reason: "The hash is another for each cluster.", file: "containers: [{name: test, args: [--input-hash=x]}]", want: cmpopts.AnyError},
		"SplitFlag":      {reason: "A value apart from its flag could not be merged.", file: "containers: [{name: test, args: [--secret-dir, /x]}]", want: cmpopts.AnyError},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTemplate([]byte(tc.file))
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nParseTemplate(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestApply(t *testing.T) {
	cases := map[string]struct {
		reason string
		file   string
		want   func(*corev1.PodSpec)
	}{
		"None": {
			reason: "Without a template the pod is the contract's.",
			want:   func(*corev1.PodSpec) {},
		},
		"Pod": {
			reason: "Fields of the pod are added and replaced.",
			file:   "serviceAccountName: other\nnodeSelector: {ci: builds}\ntolerations: [{key: ci}]",
			want: func(p *corev1.PodSpec) {
				p.ServiceAccountName = "other"
				p.NodeSelector = map[string]string{"ci": "builds"}
				p.Tolerations = []corev1.Toleration{{Key: "ci"}}
			},
		},
		"Container": {
			reason: "What the container's part leaves out stays, and null removes.",
			file: `
containers:
- name: test
  image: ci-operator:next
  imagePullPolicy: null
  resources: {requests: {memory: 1Gi}}
  env: [{name: FOO, value: bar}]
  volumeMounts: [{name: extra, mountPath: /extra}]
`,
			want: func(p *corev1.PodSpec) {
				c := &p.Containers[0]
				c.Image = "ci-operator:next"
				c.ImagePullPolicy = ""
				c.Resources.Requests[corev1.ResourceMemory] = resource.MustParse("1Gi")
				c.Env = append([]corev1.EnvVar{{Name: "FOO", Value: "bar"}}, c.Env...)
				c.VolumeMounts = append([]corev1.VolumeMount{{Name: "extra", MountPath: "/extra"}}, c.VolumeMounts...)
			},
		},
		"Volume": {
			reason: "A volume of a default's name is changed, and others are added.",
			file:   "volumes: [{name: boskos, secret: {secretName: leases}}, {name: extra, emptyDir: {}}]",
			want: func(p *corev1.PodSpec) {
				p.Volumes[0].Secret.SecretName = "leases"
				p.Volumes = slices.Insert(p.Volumes, 1, corev1.Volume{Name: "extra", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			},
		},
		"Args": {
			reason: "A flag takes the place of the default of its name, and others are added.",
			file:   "containers: [{name: test, args: [--secret-dir=/other, --verbose]}]",
			want: func(p *corev1.PodSpec) {
				c := &p.Containers[0]
				c.Args[4] = "--secret-dir=/other"
				c.Args = append(c.Args, "--verbose")
			},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := template(t, tc.file).apply(podSpec(ephemeralCluster(), "config"))
			if err != nil {
				t.Fatalf("%s\napply(...): %v", tc.reason, err)
			}

			want := podSpec(ephemeralCluster(), "config")
			tc.want(want)

			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\napply(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		reason   string
		config   string
		template string
		want     error
	}{
		"Defaults":     {reason: "A configuration with decoration is enough.", config: prowConfig},
		"NoDecoration": {reason: "Prow could not run a pod that it cannot decorate.", config: "prowjob_namespace: ci\n", want: cmpopts.AnyError},
		"NoGCSSecret":  {reason: "ci-operator's pod mounts the volume that decoration adds for it.", config: strings.ReplaceAll(prowConfig, "gcs_credentials_secret", "s3_credentials_secret"), want: cmpopts.AnyError},
		"Template":     {reason: "A template that Prow accepts.", config: prowConfig, template: "priorityClassName: ci"},
		"Container": {
			reason:   "A pod needs its container.",
			config:   prowConfig,
			template: "containers: null",
			want:     cmpopts.AnyError,
		},
		"Variable": {
			reason:   "Prow's own variables are not the template's to set.",
			config:   prowConfig,
			template: "containers: [{name: test, env: [{name: BUILD_ID, value: x}]}]",
			want:     cmpopts.AnyError,
		},
		"Mount": {
			reason:   "A mount needs a volume.",
			config:   prowConfig,
			template: "containers: [{name: test, volumeMounts: [{name: extra, mountPath: /extra}]}]",
			want:     cmpopts.AnyError,
		},
		"PresetMount": {
			reason: "A preset must not mount where the pod does.",
			config: prowConfig + `
presets:
- labels: {pj-rehearse.openshift.io/can-be-rehearsed: "true"}
  volumes: [{name: extra, emptyDir: {}}]
  volumeMounts: [{name: extra, mountPath: /etc/boskos}]
`,
			want: cmpopts.AnyError,
		},
		"InitContainer": {
			reason:   "Prow adds init containers of its own.",
			config:   prowConfig,
			template: "initContainers: [{name: init, image: i}]",
			want:     cmpopts.AnyError,
		},
		"OnlyOneJob": {
			reason:   "What breaks only one of the two jobs is found too: this volume is there only when the cluster is claimed.",
			config:   prowConfig,
			template: "containers: [{name: test, volumeMounts: [{name: hive-hive-credentials, mountPath: /extra}]}]",
			want:     cmpopts.AnyError,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := Check(load(t, tc.config)(), template(t, tc.template))
			if diff := cmp.Diff(tc.want, err, cmpopts.EquateErrors()); diff != "" {
				t.Errorf("%s\nCheck(...): -want error, +got error:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestBuildWithTemplate makes sure that ProwJobs are made with the template.
func TestBuildWithTemplate(t *testing.T) {
	current := template(t, "priorityClassName: ci")
	b := NewBuilder(load(t, prowConfig), func() *Template { return current }, v1.ImageStreamTag{})

	pj, err := b.Build(ephemeralCluster(), nil)
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff("ci", pj.Spec.PodSpec.PriorityClassName); diff != "" {
		t.Errorf("Build(...): -want, +got:\n%s", diff)
	}
}

// template parses a file, and returns nil for an empty one.
func template(t *testing.T, file string) *Template {
	t.Helper()

	if file == "" {
		return nil
	}

	tmpl, err := ParseTemplate([]byte(file))
	if err != nil {
		t.Fatal(err)
	}

	return tmpl
}
