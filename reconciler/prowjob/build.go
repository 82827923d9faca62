package prowjob

import (
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/config"
	"sigs.k8s.io/prow/pkg/pjutil"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/cioperator"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
)

const (
	labelRehearsable    = "pj-rehearse.openshift.io/can-be-rehearsed"
	labelCloud          = "ci-operator.openshift.io/cloud"
	labelClusterProfile = "ci-operator.openshift.io/cloud-cluster-profile"
	labelRelease        = "job-release"

	// latestRelease names the release that a job is labelled with.
	latestRelease = "latest"

	// defaultCluster holds until the dispatcher picks a build cluster.
	defaultCluster = "build01"
)

// InvalidError means that no ProwJob can ever be made of a spec.
type InvalidError struct {
	Err error
}

func (e InvalidError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e InvalidError) Unwrap() error { return e.Err }

// Builder makes ProwJobs.
type Builder struct {
	config   config.Getter
	template func() *Template
	cli      v1.ImageStreamTag
	lifetime time.Duration
}

// Option configures a Builder.
type Option func(*Builder)

// WithLifetime sets the age at which clusters are told to tear down, 0 for none.
func WithLifetime(d time.Duration) Option {
	return func(b *Builder) { b.lifetime = d }
}

// NewBuilder returns a Builder that defaults ProwJobs with Prow's configuration,
// overrides their pods with a template unless that is nil, and gives claimed
// clusters the cli image of a tag.
func NewBuilder(c config.Getter, t func() *Template, cli v1.ImageStreamTag, o ...Option) *Builder {
	b := &Builder{config: c, template: t, cli: cli}
	for _, fn := range o {
		fn(b)
	}

	return b
}

// Build makes the ProwJob of an EphemeralCluster. The profile is nil when the
// cluster is claimed.
func (b *Builder) Build(ec *v1.EphemeralCluster, profile *profiles.Profile) (*prowv1.ProwJob, error) {
	job, err := b.job(ec, profile)
	if err != nil {
		return nil, err
	}

	spec := pjutil.PeriodicSpec(*job)
	spec.Report = false

	pj := pjutil.NewProwJob(spec, job.Labels, Annotations(ec), pjutil.RequireScheduling(true))
	pj.SetName(Name(ec.GetUID()))
	pj.SetNamespace(b.config().ProwJobNamespace)

	return &pj, nil
}

// job makes the job that an EphemeralCluster's ProwJob runs.
func (b *Builder) job(ec *v1.EphemeralCluster, profile *profiles.Profile) (*config.Periodic, error) {
	t := timeoutsFor(b.lifetime, b.config())

	cfg, err := cioperator.New(ec.Spec.CIOperator, b.cli, t.step)
	if err != nil {
		return nil, InvalidError{Err: errors.Wrap(err, "cannot generate ci-operator configuration")}
	}

	unresolved, err := cfg.YAML()
	if err != nil {
		return nil, InvalidError{Err: err}
	}

	pod, err := b.template().apply(podSpec(ec, unresolved))
	if err != nil {
		return nil, err
	}

	job := &config.Periodic{
		JobBase: config.JobBase{
			Name:    JobName(ec),
			Agent:   string(prowv1.KubernetesAgent),
			Cluster: defaultCluster,
			Labels:  labels(ec, profile),
			Spec:    pod,
			// Another run would meet what the first has left, and be given its name.
			ErrorOnEviction: true,
			UtilityConfig: config.UtilityConfig{
				Decorate:         new(true),
				DecorationConfig: t.decorate(decoration(ec)),
			},
		},
	}

	if err := b.config().DefaultPeriodic(job); err != nil {
		return nil, errors.Wrap(err, "cannot default job from Prow's configuration")
	}

	if job.DecorationConfig == nil {
		return nil, errors.New("cannot decorate job: Prow's configuration has no default decoration")
	}

	return job, errors.Wrap(job.DecorationConfig.Validate(), "cannot decorate job from Prow's configuration")
}

func labels(ec *v1.EphemeralCluster, profile *profiles.Profile) map[string]string {
	l := map[string]string{
		v1.LabelEphemeralCluster: ec.GetName(),
		labelRehearsable:         "true",
	}

	if profile != nil {
		l[labelClusterProfile] = profile.Name
	}

	// A profile may lack a type: a set of them has that of the member that is taken.
	if profile != nil && profile.ClusterType != "" {
		l[labelCloud] = profile.ClusterType
	}

	if r, ok := ec.Spec.CIOperator.Releases[latestRelease]; ok && r.Candidate != nil {
		l[labelRelease] = string(r.Candidate.Version)
	}

	return l
}

// decoration clones nothing, unless ci-operator has to read its build root from
// the repository.
func decoration(ec *v1.EphemeralCluster) *prowv1.DecorationConfig {
	if root := ec.Spec.CIOperator.BuildRoot; root != nil && root.FromRepository {
		return &prowv1.DecorationConfig{SparseCheckoutFiles: []string{".ci-operator.yaml"}}
	}

	return &prowv1.DecorationConfig{SkipCloning: new(true)}
}
