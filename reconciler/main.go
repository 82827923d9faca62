// The reconciler runs beside Prow and makes clusters out of EphemeralClusters.
package main

import (
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/bombsimon/logrusr/v4"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/logrusutil"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/ephemeralcluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	component = "ephemeral-cluster-reconciler"

	// readyTimeout is less than the kubelet waits for an answer.
	readyTimeout = 500 * time.Millisecond
)

func main() {
	o := &options{}
	err := o.parse(flag.NewFlagSet(component, flag.ContinueOnError), os.Args[1:])

	setUpLogs(os.Stderr, o.level)

	if errors.Is(err, flag.ErrHelp) {
		return
	}

	if err != nil {
		logrus.WithError(err).Error("cannot start: invalid flags")
		os.Exit(2)
	}

	if err := run(ctrl.SetupSignalHandler(), o); err != nil {
		logrus.WithError(err).Error("cannot run")
		os.Exit(1)
	}
}

// setUpLogs makes all logs JSON. Prow's packages log to logrus' standard logger,
// whose level Prow's configuration sets; the reconciler's has its own.
func setUpLogs(w io.Writer, level logrus.Level) {
	f := &logrusutil.DefaultFieldsFormatter{
		WrappedFormatter: &logrus.JSONFormatter{},
		DefaultFields:    logrus.Fields{"component": component},
	}

	logrus.SetOutput(w)
	logrus.SetFormatter(f)

	l := logrus.New()
	l.SetOutput(w)
	l.SetFormatter(f)
	l.SetLevel(level)
	ctrl.SetLogger(logrusr.New(l))
}

// run runs the reconciler until the context ends.
func run(ctx context.Context, o *options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	agent, err := o.config.ConfigAgent()
	if err != nil {
		return errors.Wrap(err, "cannot load Prow's configuration")
	}

	jobs := prowjob.NewBuilder(agent.Config, o.cli)
	if err := jobs.Check(); err != nil {
		return errors.Wrap(err, "Prow's configuration cannot be used")
	}

	observed, err := ephemeralcluster.NewPrometheus(metrics.Registry)
	if err != nil {
		return err
	}

	profileFile, err := profiles.Open(o.clusterProfiles,
		profiles.WithLogger(ctrl.Log.WithName("profiles")), profiles.WithReloadCallback(observed.ProfilesReloaded))
	if err != nil {
		return err
	}

	farm, err := buildfarm.New(o.kubeconfigs,
		buildfarm.WithLogger(ctrl.Log.WithName("buildfarm")), buildfarm.WithMetrics(observed),
		buildfarm.WithInfrastructureChanged(func() {
			logrus.Info("the infrastructure cluster's kubeconfig has changed, exiting to be restarted with it")
			cancel()
		}))
	if err != nil {
		return err
	}

	mgr, err := newManager(farm, o, agent.Config().ProwJobNamespace)
	if err != nil {
		return err
	}

	r := ephemeralcluster.NewReconciler(ephemeralcluster.Collaborators{
		Client:   mgr.GetClient(),
		Reader:   mgr.GetAPIReader(),
		Farm:     func(alias string) (ephemeralcluster.BuildCluster, error) { return farm.Cluster(alias) },
		Jobs:     jobs,
		Profiles: profileFile,
	},
		ephemeralcluster.WithEventRecorder(mgr.GetEventRecorder(component)),
		ephemeralcluster.WithMetrics(observed),
		ephemeralcluster.WithPrivilegedTenants(o.privilegedTenants.Strings()...),
		ephemeralcluster.WithKubeconfigInStatus(o.kubeconfigInStatus),
		ephemeralcluster.WithMaxLifetime(o.maxLifetime),
		ephemeralcluster.WithResync(o.resync),
		ephemeralcluster.WithProwJobNamespace(agent.Config().ProwJobNamespace),
		ephemeralcluster.WithLegacyNamespace(legacyNamespace(o.namespaces.Strings())),
	)

	err = r.SetupWithManager(ctx, mgr, ephemeralcluster.SetupOptions{
		Namespaces: o.namespaces.Strings(),
		Workers:    o.workers,
		BuildFarm:  farm.Events(),
	})
	if err != nil {
		return err
	}

	count := &ephemeralcluster.Counter{Client: mgr.GetClient(), Metrics: observed, Interval: o.metricsInterval, Clock: clock.RealClock{}}
	for _, runnable := range []manager.Runnable{profileFile, farm, count} {
		if err := mgr.Add(runnable); err != nil {
			return errors.Wrap(err, "cannot add to manager")
		}
	}

	return errors.Wrap(mgr.Start(ctx), "manager has ended")
}

// newManager returns a manager on the infrastructure cluster that caches no more
// than the reconciler needs, and may read.
func newManager(farm *buildfarm.Farm, o *options, prowJobNamespace string) (manager.Manager, error) {
	cfg, ok := farm.Infrastructure()
	if !ok {
		return nil, errors.New("no kubeconfig says which cluster is the infrastructure cluster")
	}

	// The server's own fairness limits clients; a limit on this side would only
	// add latency.
	cfg.QPS = -1
	// Field managers are named after it, and the server's logs and metrics.
	cfg.UserAgent = component

	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, prowv1.AddToScheme, v1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, errors.Wrap(err, "cannot set up scheme")
		}
	}

	labelled, err := labels.NewRequirement(v1.LabelEphemeralCluster, selection.Exists, nil)
	if err != nil {
		return nil, errors.Wrap(err, "cannot select ProwJobs")
	}

	leaseNamespace := o.leaderElectNamespace
	if leaseNamespace == "" {
		leaseNamespace = prowJobNamespace
	}

	namespaces := map[string]cache.Config{}
	for _, ns := range o.namespaces.Strings() {
		namespaces[ns] = cache.Config{}
	}

	mgr, err := manager.New(&cfg, manager.Options{
		Scheme: scheme,
		Logger: ctrl.Log,
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			&v1.EphemeralCluster{}: {Namespaces: namespaces, Transform: cache.TransformStripManagedFields()},
			&prowv1.ProwJob{}: {
				Namespaces: map[string]cache.Config{prowJobNamespace: {}},
				Label:      labels.NewSelector().Add(*labelled),
				Transform:  prowjob.Trim,
			},
		}},
		// Reading a Secret through the cache would watch them all.
		Client:                        client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}}}},
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.healthAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              component,
		LeaderElectionNamespace:       leaseNamespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, errors.Wrap(err, "cannot make manager")
	}

	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, errors.Wrap(err, "cannot add health check")
	}

	return mgr, errors.Wrap(mgr.AddReadyzCheck("caches", cachesSynced(mgr.GetCache())), "cannot add readiness check")
}

// cachesSynced is ready once all that is watched on the infrastructure cluster has
// been seen.
func cachesSynced(c cache.Cache) healthz.Checker {
	return func(req *http.Request) error {
		ctx, cancel := context.WithTimeout(req.Context(), readyTimeout)
		defer cancel()

		if !c.WaitForCacheSync(ctx) {
			return errors.New("caches have not synced")
		}

		return nil
	}
}

// legacyNamespace is where the EphemeralClusters are whose ProwJobs do not say so.
func legacyNamespace(namespaces []string) string {
	if slices.Contains(namespaces, v1.DefaultNamespace) {
		return v1.DefaultNamespace
	}

	return namespaces[0]
}
