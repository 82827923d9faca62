//go:build linux

package invocation

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestCheckArgs(t *testing.T) {
	// The arguments are spelled out once more here, so that the table is tested too.
	profile := []string{
		"--gcs-upload-secret=/secrets/gcs/service-account.json",
		"--image-import-pull-secret=/etc/pull-secret/.dockerconfigjson",
		"--lease-server-credentials-file=/etc/boskos/credentials",
		"--report-credentials-file=/etc/report/credentials",
		"--secret-dir=/secrets/ci-pull-credentials",
		"--target=cluster-provisioning",
		"--input-hash=ec",
	}
	claim := slices.Insert(slices.Clone(profile), 1, "--hive-kubeconfig=/secrets/hive-hive-credentials/kubeconfig")

	with := func(i int, a ...string) []string { return slices.Replace(slices.Clone(profile), i, i+1, a...) }

	type args struct {
		given []string
		claim bool
	}

	type want struct {
		hash string
		err  string
	}

	cases := map[string]struct {
		reason string
		args   args
		want   want
	}{
		"Profile": {
			reason: "These are the arguments for a cluster profile.",
			args:   args{given: profile},
			want:   want{hash: "ec"},
		},
		"Claim": {
			reason: "These are the arguments for a cluster claim.",
			args:   args{given: claim, claim: true},
			want:   want{hash: "ec"},
		},
		"Unknown": {
			reason: "ci-operator exits on a flag that it does not know.",
			args:   args{given: with(0, profile[0], "--dry-run=true")},
			want:   want{err: `unknown argument "--dry-run=true"`},
		},
		"NotAFlag": {
			reason: "Positional arguments mean nothing to ci-operator.",
			args:   args{given: with(0, "gcs-upload-secret=/secrets/gcs/service-account.json")},
			want:   want{err: "unknown argument"},
		},
		"Missing": {
			reason: "Every argument is needed.",
			args:   args{given: with(3)},
			want:   want{err: "--report-credentials-file is missing"},
		},
		"OutOfOrder": {
			reason: "The order is a part of the interface.",
			args:   args{given: append(profile[1:len(profile):len(profile)], profile[0])},
			want:   want{err: "out of order"},
		},
		"Twice": {
			reason: "An argument is given once.",
			args:   args{given: with(0, profile[0], profile[0])},
			want:   want{err: "twice"},
		},
		"WrongValue": {
			reason: "Files are where they are mounted.",
			args:   args{given: with(2, "--lease-server-credentials-file=/etc/boskos/creds")},
			want:   want{err: "wrong value"},
		},
		"NoInputHash": {
			reason: "Without an input hash, equal requests would share a cluster.",
			args:   args{given: with(6, "--input-hash=")},
			want:   want{err: "wrong value"},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			hash, err := checkArgs(tc.args.given, tc.args.claim)

			if (tc.want.err == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tc.want.err)) {
				t.Errorf("%s\ncheckArgs(...): want error %q, got: %v", tc.reason, tc.want.err, err)
			}

			if diff := cmp.Diff(tc.want.hash, hash); diff != "" {
				t.Errorf("%s\ncheckArgs(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCheckMounts(t *testing.T) {
	cases := map[string]struct {
		reason string
		change func(*corev1.PodSpec)
		want   string
	}{
		"Good": {
			reason: "All files are found.",
			change: func(*corev1.PodSpec) {},
		},
		"Writable": {
			reason: "Credentials are mounted read-only.",
			change: func(s *corev1.PodSpec) { s.Containers[0].VolumeMounts[0].ReadOnly = false },
			want:   "not mounted read-only",
		},
		"OtherPath": {
			reason: "Credentials are where ci-operator looks.",
			change: func(s *corev1.PodSpec) { s.Containers[0].VolumeMounts[0].MountPath = "/boskos" },
			want:   "not mounted read-only at /etc/boskos",
		},
		"OtherSecret": {
			reason: "Credentials are of the right Secret.",
			change: func(s *corev1.PodSpec) { s.Volumes[0].Secret.SecretName = "boskos" },
			want:   `not of "boskos-credentials"`,
		},
		"NotProjected": {
			reason: "Only one key of this Secret is for ci-operator.",
			change: func(s *corev1.PodSpec) { s.Volumes[0].Secret.Items = nil },
			want:   "does not project",
		},
		"NotASecret": {
			reason: "Credentials are in Secrets.",
			change: func(s *corev1.PodSpec) { s.Volumes[0].VolumeSource = corev1.VolumeSource{} },
			want:   "not of a Secret",
		},
		"Hive": {
			reason: "Hive's credentials are for cluster claims only.",
			change: func(s *corev1.PodSpec) {
				s.Containers[0].VolumeMounts = append(s.Containers[0].VolumeMounts, corev1.VolumeMount{Name: "hive-hive-credentials"})
			},
			want: "only a cluster claim needs it",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := prowJob(profileConfig(), false).Spec.PodSpec
			spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "gcs-credentials", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "any"}}})
			tc.change(spec)

			err := checkMounts(spec.Volumes, spec.Containers[0], false)
			if (tc.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s\ncheckMounts(...): want error %q, got: %v", tc.reason, tc.want, err)
			}
		})
	}
}
