package main

import (
	"sync/atomic"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/prow/pkg/config"

	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/ephemeralcluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/reload"
)

// files are the configuration files, as they last were when they could be used.
type files struct {
	prow     config.Getter
	template func() *prowjob.Template
	profiles *reload.File[profiles.Set]

	// runnables keep them up to date.
	runnables []manager.Runnable
}

// openFiles reads the configuration files. It fails when one cannot be used.
func openFiles(o *options, observed *ephemeralcluster.Prometheus) (*files, error) {
	agent := &config.Agent{}
	// Prow reads its configuration again in a goroutine of its own.
	template := &atomic.Pointer[reload.File[prowjob.Template]]{}
	f := &files{prow: agent.Config, template: func() *prowjob.Template {
		if t := template.Load(); t != nil {
			return t.Current()
		}

		return nil
	}}

	// Prow calls this for every version that is otherwise valid.
	check := func(c *config.Config) error { return checkProw(agent.Config(), c, f.template()) }
	if _, err := o.config.ConfigAgentWithAdditionals(agent, []func(*config.Config) error{check}); err != nil {
		return nil, errors.Wrap(err, "cannot load Prow's configuration")
	}

	var err error

	f.profiles, err = reload.Open(o.clusterProfiles, profiles.Parse,
		reload.WithLogger(ctrl.Log.WithName("profiles")), reload.WithCallback(observed.FileReloaded("cluster_profiles")))
	if err != nil {
		return nil, errors.Wrap(err, "cannot load cluster profiles")
	}

	f.runnables = append(f.runnables, f.profiles)

	if o.podTemplate == "" {
		return f, nil
	}

	parse := func(b []byte) (*prowjob.Template, error) {
		t, err := prowjob.ParseTemplate(b)
		if err != nil {
			return nil, err
		}

		return t, prowjob.Check(agent.Config(), t)
	}

	t, err := reload.Open(o.podTemplate, parse,
		reload.WithLogger(ctrl.Log.WithName("podtemplate")), reload.WithCallback(observed.FileReloaded("pod_template")))
	if err != nil {
		return nil, errors.Wrap(err, "cannot load pod template")
	}

	template.Store(t)
	f.runnables = append(f.runnables, t)

	return f, nil
}

// checkProw refuses a configuration of Prow that ProwJobs cannot be made with, or that
// would leave behind those that there are. The one before is nil at the start.
func checkProw(before, after *config.Config, t *prowjob.Template) error {
	if before != nil && before.ProwJobNamespace != after.ProwJobNamespace {
		return errors.Errorf("prowjob_namespace has changed from %q to %q, which takes a restart", before.ProwJobNamespace, after.ProwJobNamespace)
	}

	return errors.Wrap(prowjob.Check(after, t), "cannot make ProwJobs with it")
}
