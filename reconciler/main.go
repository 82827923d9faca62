// The reconciler runs beside Prow and makes clusters out of EphemeralClusters.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/bombsimon/logrusr/v4"
	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/sirupsen/logrus"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/prow/pkg/logrusutil"

	"github.com/ephemeral-clusters/ephemeral-clusters/internal/version"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/ephemeralcluster"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

const (
	component = "ephemeral-cluster-reconciler"

	// callShare is the share of the workers, one of so many, that may wait for one
	// build cluster.
	callShare = 4
)

func main() {
	o := &options{}
	err := o.parse(flag.NewFlagSet(component, flag.ContinueOnError), os.Args[1:])

	setUpLogs(os.Stderr, o.level)

	if errors.Is(err, flag.ErrHelp) {
		return
	}

	if errors.Is(err, errVersion) {
		_, _ = fmt.Fprintln(os.Stdout, version.String())

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
	// Informers tell there, and only there, why they cannot watch.
	klog.SetLogger(ctrl.Log)
}

// run runs the reconciler until the context ends.
func run(ctx context.Context, o *options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	observed, err := ephemeralcluster.NewPrometheus(metrics.Registry)
	if err != nil {
		return err
	}

	f, err := openFiles(o, observed)
	if err != nil {
		return err
	}

	farm, err := buildfarm.New(o.kubeconfigs,
		buildfarm.WithLogger(ctrl.Log.WithName("buildfarm")), buildfarm.WithMetrics(observed),
		buildfarm.WithCallLimit(o.workers/callShare),
		buildfarm.WithInfrastructureChanged(func() {
			logrus.Info("the infrastructure cluster's kubeconfig has changed, exiting to be restarted with it")
			cancel()
		}))
	if err != nil {
		return err
	}

	mgr, err := newManager(farm, o, f.prow().ProwJobNamespace)
	if err != nil {
		return err
	}

	r := ephemeralcluster.NewReconciler(ephemeralcluster.Collaborators{
		Client:   mgr.GetClient(),
		Reader:   mgr.GetAPIReader(),
		Farm:     func(alias string) (ephemeralcluster.BuildCluster, error) { return farm.Cluster(alias) },
		InUse:    func() []ephemeralcluster.BuildCluster { return buildClusters(farm.InUse()) },
		Jobs:     prowjob.NewBuilder(f.prow, f.template, o.cli, prowjob.WithLifetime(o.maxLifetime)),
		Profiles: f.profiles,
	},
		ephemeralcluster.WithEventRecorder(mgr.GetEventRecorder(component)),
		ephemeralcluster.WithMetrics(observed),
		ephemeralcluster.WithPrivilegedTenants(o.privilegedTenants.Strings()...),
		ephemeralcluster.WithKubeconfigInStatus(o.kubeconfigInStatus),
		ephemeralcluster.WithMaxLifetime(o.maxLifetime),
		ephemeralcluster.WithResync(o.resync),
		ephemeralcluster.WithProwJobNamespace(f.prow().ProwJobNamespace),
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
	for _, runnable := range append(f.runnables, farm, count) {
		if err := mgr.Add(runnable); err != nil {
			return errors.Wrap(err, "cannot add to manager")
		}
	}

	return errors.Wrap(mgr.Start(ctx), "manager has ended")
}

func buildClusters(cs []*buildfarm.Cluster) []ephemeralcluster.BuildCluster {
	out := make([]ephemeralcluster.BuildCluster, 0, len(cs))
	for _, c := range cs {
		out = append(out, c)
	}

	return out
}
