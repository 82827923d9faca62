package main

import (
	"context"
	"net/http"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/prowjob"
)

// readyTimeout is less than the kubelet waits for an answer.
const readyTimeout = 500 * time.Millisecond

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
