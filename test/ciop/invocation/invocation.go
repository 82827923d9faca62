//go:build linux

// Package invocation reads, from a pod that Prow made, how ci-operator is called:
// what the kubelet, Prow's entrypoint wrapper and ci-operator itself would see.
// Whatever one of them would reject is an error.
package invocation

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/prow/pkg/entrypoint"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/config"
)

// LabelProwJob on a pod names its ProwJob.
const LabelProwJob = "prow.k8s.io/id"

const (
	testContainer  = "test"
	entrypointPath = "/tools/entrypoint"
	image          = "quay-proxy.ci.openshift.org/openshift/ci:ci_ci-operator_latest"
	serviceAccount = "ci-operator"
	periodic       = "periodic"
)

// Invocation is one call of ci-operator.
type Invocation struct {
	// ProwJob is the name of the ProwJob, Job that of the job that it is a run of.
	ProwJob string
	Job     string
	JobType string

	// InputHash tells calls with the same configuration apart.
	InputHash string

	// Timeout is how long Prow's entrypoint wrapper lets ci-operator run.
	Timeout time.Duration

	// RawConfig is the configuration as it was passed.
	RawConfig string
	Config    *config.Config
}

// Claim reports whether the cluster is claimed from Hive.
func (i *Invocation) Claim() bool { return i.Config.Test().ClusterClaim != nil }

// jobSpec is the part of Prow's JOB_SPEC that ci-operator needs here.
type jobSpec struct {
	Type      string            `json:"type"`
	Job       string            `json:"job"`
	ProwJobID string            `json:"prowjobid"`
	Refs      json.RawMessage   `json:"refs"`
	ExtraRefs []json.RawMessage `json:"extra_refs"`
}

// FromPod reads how a pod calls ci-operator.
func FromPod(pod *corev1.Pod) (*Invocation, error) {
	if pod.Spec.ServiceAccountName != serviceAccount {
		return nil, errors.Errorf("pod runs as ServiceAccount %q, not as %q", pod.Spec.ServiceAccountName, serviceAccount)
	}

	i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == testContainer })
	if i < 0 {
		return nil, errors.Errorf("pod has no container %q", testContainer)
	}

	c := pod.Spec.Containers[i]
	if c.Image != image {
		return nil, errors.Errorf("cannot pull image %q: ci-operator's is %q", c.Image, image)
	}

	opts, err := wrapped(c)
	if err != nil {
		return nil, err
	}

	spec, err := readJobSpec(pod, c)
	if err != nil {
		return nil, err
	}

	if e := env(c, "HTTP_SERVER_IP"); e == nil || e.ValueFrom == nil || e.ValueFrom.FieldRef == nil || e.ValueFrom.FieldRef.FieldPath != "status.podIP" {
		return nil, errors.New("environment variable HTTP_SERVER_IP does not come from the field status.podIP")
	}

	raw, err := value(c, "UNRESOLVED_CONFIG")
	if err != nil {
		return nil, err
	}

	cfg, err := config.Parse([]byte(raw))
	if err != nil {
		return nil, err
	}

	inv := &Invocation{
		ProwJob:   spec.ProwJobID,
		Job:       spec.Job,
		JobType:   spec.Type,
		Timeout:   opts.Timeout,
		RawConfig: raw,
		Config:    cfg,
	}

	if inv.Timeout == 0 {
		inv.Timeout = entrypoint.DefaultTimeout
	}

	if inv.InputHash, err = checkArgs(opts.Args[1:], inv.Claim()); err != nil {
		return nil, err
	}

	return inv, checkMounts(pod.Spec.Volumes, c, inv.Claim())
}

// wrapped returns what Prow's decoration makes the entrypoint wrapper run.
func wrapped(c corev1.Container) (*entrypoint.Options, error) {
	if !slices.Equal(c.Command, []string{entrypointPath}) || len(c.Args) > 0 {
		return nil, errors.Errorf("container %q is not decorated: its command is not %s alone", c.Name, entrypointPath)
	}

	raw, err := value(c, entrypoint.JSONConfigEnvVar)
	if err != nil {
		return nil, err
	}

	o := entrypoint.NewOptions()
	if err := o.LoadConfig(raw); err != nil {
		return nil, errors.Wrapf(err, "cannot parse %s", entrypoint.JSONConfigEnvVar)
	}

	if err := o.Validate(); err != nil {
		return nil, errors.Wrapf(err, "invalid %s", entrypoint.JSONConfigEnvVar)
	}

	if o.Args[0] != "ci-operator" {
		return nil, errors.Errorf("cannot run command %q: only ci-operator", o.Args[0])
	}

	return o, nil
}

func readJobSpec(pod *corev1.Pod, c corev1.Container) (*jobSpec, error) {
	raw, err := value(c, "JOB_SPEC")
	if err != nil {
		return nil, err
	}

	s := &jobSpec{}
	if err := json.Unmarshal([]byte(raw), s); err != nil {
		return nil, errors.Wrap(err, "cannot parse JOB_SPEC")
	}

	id, err := value(c, "PROW_JOB_ID")
	if err != nil {
		return nil, err
	}

	if label := pod.Labels[LabelProwJob]; s.ProwJobID != label || id != label {
		return nil, errors.Errorf("JOB_SPEC is of ProwJob %q and PROW_JOB_ID is %q, but the pod is labelled %q", s.ProwJobID, id, label)
	}

	if s.Job == "" {
		return nil, errors.New("JOB_SPEC names no job")
	}

	if s.Type != periodic {
		return nil, errors.Errorf("job is of type %q, not %q", s.Type, periodic)
	}

	if len(s.Refs) > 0 || len(s.ExtraRefs) > 0 {
		return nil, errors.New("job has refs, and an ephemeral cluster has no repository")
	}

	return s, nil
}

func env(c corev1.Container, name string) *corev1.EnvVar {
	var found *corev1.EnvVar

	// The last one wins, as in a real container.
	for i := range c.Env {
		if c.Env[i].Name == name {
			found = &c.Env[i]
		}
	}

	return found
}

func value(c corev1.Container, name string) (string, error) {
	e := env(c, name)
	if e == nil || e.Value == "" {
		return "", errors.Errorf("environment variable %s is not set", name)
	}

	return e.Value, nil
}
