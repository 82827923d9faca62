//go:build linux

package invocation

import (
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
)

// mount is a Secret that ci-operator reads files of.
type mount struct {
	volume string
	path   string

	// secret that the volume must be of; any if empty.
	secret string

	// key that must be projected under its own name, if any.
	key string

	// claim is set if it is there for a cluster claim only.
	claim bool
}

func mounts() []mount {
	//nolint:gosec // Names of Secrets, not secrets.
	return []mount{
		{volume: "boskos", path: "/etc/boskos", secret: "boskos-credentials", key: "credentials"},
		{volume: "ci-pull-credentials", path: "/secrets/ci-pull-credentials"},
		{volume: "gcs-credentials", path: "/secrets/gcs"},
		{volume: "hive-hive-credentials", path: "/secrets/hive-hive-credentials", secret: "hive-hive-credentials", claim: true},
		{volume: "manifest-tool-local-pusher", path: "/secrets/manifest-tool"},
		{volume: "pull-secret", path: "/etc/pull-secret", secret: "registry-pull-credentials"},
		{volume: "result-aggregator", path: "/etc/report"},
	}
}

// checkMounts checks that a container finds the files that ci-operator reads.
func checkMounts(volumes []corev1.Volume, c corev1.Container, claim bool) error {
	for _, want := range mounts() {
		i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == want.volume })

		if want.claim && !claim {
			if i >= 0 {
				return errors.Errorf("volume %q is mounted, and only a cluster claim needs it", want.volume)
			}

			continue
		}

		if i < 0 {
			return errors.Errorf("volume %q is not mounted", want.volume)
		}

		if m := c.VolumeMounts[i]; m.MountPath != want.path || !m.ReadOnly {
			return errors.Errorf("volume %q is not mounted read-only at %s", want.volume, want.path)
		}

		if err := want.checkVolume(volumes); err != nil {
			return err
		}
	}

	return nil
}

func (m mount) checkVolume(volumes []corev1.Volume) error {
	i := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == m.volume })
	if i < 0 || volumes[i].Secret == nil {
		return errors.Errorf("volume %q is not of a Secret", m.volume)
	}

	s := volumes[i].Secret
	if m.secret != "" && s.SecretName != m.secret {
		return errors.Errorf("volume %q is of Secret %q, not of %q", m.volume, s.SecretName, m.secret)
	}

	if m.key != "" && !slices.Contains(s.Items, corev1.KeyToPath{Key: m.key, Path: m.key}) {
		return errors.Errorf("volume %q does not project key %q", m.volume, m.key)
	}

	return nil
}
