package prowjob

import (
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/config"
	"sigs.k8s.io/prow/pkg/pjutil"
	"sigs.k8s.io/prow/pkg/pod-utils/decorate"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
)

// Check makes sure that a Prow configuration and a template, nil for none, are good
// enough to make ProwJobs with: those of clusters with a profile and of claimed ones.
func Check(c *config.Config, t *Template) error {
	b := &Builder{config: func() *config.Config { return c }, template: func() *Template { return t }}

	withProfile := &v1.EphemeralCluster{}
	withProfile.Spec.CIOperator.Releases = map[string]v1.Release{latestRelease: {}}

	claimed := &v1.EphemeralCluster{}
	claimed.Spec.CIOperator.Test.ClusterClaim = &v1.ClusterClaim{}

	return errors.Join(
		errors.Wrap(b.check(withProfile, &profiles.Profile{}), "job of a cluster with a cluster profile"),
		errors.Wrap(b.check(claimed, nil), "job of a claimed cluster"),
	)
}

// check makes the job of an EphemeralCluster and has Prow validate it, as if it were
// a job in its configuration, and make a pod of it.
func (b *Builder) check(ec *v1.EphemeralCluster, profile *profiles.Profile) error {
	job, err := b.job(ec, profile)
	if err != nil {
		return err
	}

	// A job that is configured has a schedule.
	job.Cron = "@yearly"

	c := config.Config{ProwConfig: b.config().ProwConfig}
	c.Periodics = []config.Periodic{*job}

	if err := c.ValidateJobConfig(); err != nil {
		return errors.Wrap(err, "Prow refuses it")
	}

	pod, err := decorate.ProwJobToPod(prowv1.ProwJob{Spec: pjutil.PeriodicSpec(*job)})
	if err != nil {
		return errors.Wrap(err, "Prow cannot make a pod of it")
	}

	return checkMounts(pod.Spec)
}

// checkMounts finds what Kubernetes would refuse of a pod's mounts: Prow takes it
// for granted that decoration adds every volume that it may add.
func checkMounts(spec corev1.PodSpec) error {
	volumes := sets.New[string]()
	for _, v := range spec.Volumes {
		volumes.Insert(v.Name)
	}

	for _, c := range spec.Containers {
		paths := sets.New[string]()

		for _, m := range c.VolumeMounts {
			if !volumes.Has(m.Name) {
				return errors.Errorf("container %q mounts volume %q, which the pod does not have", c.Name, m.Name)
			}

			if paths.Has(m.MountPath) {
				return errors.Errorf("container %q has two mounts at %s", c.Name, m.MountPath)
			}

			paths.Insert(m.MountPath)
		}
	}

	return nil
}
