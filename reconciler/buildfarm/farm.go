// Package buildfarm reaches the clusters that Prow runs pods on: it watches on
// each what ephemeral clusters need, and passes on the signal to tear down.
package buildfarm

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/prow/pkg/kube"
)

const (
	// reasonRemoved is why a cluster is unavailable that was known once.
	reasonRemoved = "its context is gone from the kubeconfig files"

	// RemovedFor is how long it may be gone, by mistake, before the cluster is as
	// unknown as one that has never been there.
	RemovedFor = time.Hour
)

// Event says that something changed on a build cluster: about one ProwJob, or,
// with an empty JobID, about all that run there.
type Event struct {
	Cluster string
	JobID   string
}

// Source is where the clients' configurations come from, by the clusters' aliases.
type Source interface {
	// Load reads the configurations.
	Load() (map[string]rest.Config, error)

	// Changed reports whether Load would read something else than it last did.
	Changed() bool
}

// Metrics hears about build clusters.
type Metrics interface {
	BuildClusterAvailable(cluster string, available bool)

	// BuildClusterUnused takes back what was said of a cluster that is no longer watched.
	BuildClusterUnused(cluster string)

	KubeconfigReloaded(err error)
}

// Farm is all build clusters. A cluster is not connected to before it is needed:
// Prow's kubeconfigs have more than those that ephemeral clusters are made from.
type Farm struct {
	source  Source
	log     logr.Logger
	clock   clock.WithTicker
	metrics Metrics
	events  chan event.TypedGenericEvent[Event]
	ctx     context.Context //nolint:containedctx // Clusters that are connected to on demand live as long as the farm.
	stop    context.CancelFunc

	// callLimit is how many calls may wait for one cluster at a time.
	callLimit int

	// infrastructureChanged is called when the infrastructure cluster is to be
	// reached differently from now on.
	infrastructureChanged func()

	// failed is why the source could not be read the last time, as it was told. Only
	// Start uses it.
	failed string

	mu       sync.Mutex
	configs  map[string]rest.Config
	removed  map[string]time.Time // Since when.
	asked    map[string]bool
	unusable map[string]bool // Told to be, with the configuration that they have.
	clusters map[string]*Cluster
}

// Option configures a Farm.
type Option func(*Farm)

// WithLogger sets the logger that reloads and outages are reported to.
func WithLogger(l logr.Logger) Option {
	return func(f *Farm) { f.log = l }
}

// WithMetrics sets where the state of the clusters is recorded.
func WithMetrics(m Metrics) Option {
	return func(f *Farm) { f.metrics = m }
}

// WithClock sets the clock.
func WithClock(c clock.WithTicker) Option {
	return func(f *Farm) { f.clock = c }
}

// WithCallLimit sets how many calls may wait for one cluster at a time. It is to be
// well below the number of workers, so that a cluster that hangs cannot have them all.
func WithCallLimit(n int) Option {
	return func(f *Farm) { f.callLimit = max(1, n) }
}

// WithInfrastructureChanged sets a function to call when the infrastructure
// cluster's configuration changes. Its client, unlike those of build clusters,
// cannot be replaced while running.
func WithInfrastructureChanged(fn func()) Option {
	return func(f *Farm) { f.infrastructureChanged = fn }
}

// New returns a Farm of the clusters of a source. It fails when the source does.
func New(s Source, o ...Option) (*Farm, error) {
	f := &Farm{
		source:                s,
		log:                   logr.Discard(),
		clock:                 clock.RealClock{},
		metrics:               nopMetrics{},
		events:                make(chan event.TypedGenericEvent[Event]),
		callLimit:             defaultCallLimit,
		infrastructureChanged: func() {},
		removed:               map[string]time.Time{},
		asked:                 map[string]bool{},
		unusable:              map[string]bool{},
		clusters:              map[string]*Cluster{},
	}
	f.ctx, f.stop = context.WithCancel(context.Background())

	for _, fn := range o {
		fn(f)
	}

	configs, err := s.Load()
	if err != nil {
		return nil, errors.Wrap(err, "cannot load kubeconfigs")
	}

	f.configs = configs

	return f, nil
}

// Infrastructure is the configuration of the cluster that ProwJobs are on.
func (f *Farm) Infrastructure() (rest.Config, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	c, ok := f.configs[kube.InClusterContext]

	return c, ok
}

// Events are what changes on the clusters that were asked for.
func (f *Farm) Events() <-chan event.TypedGenericEvent[Event] {
	return f.events
}

// Cluster returns a build cluster by alias, connecting to it if need be.
func (f *Farm) Cluster(alias string) (*Cluster, error) {
	f.mu.Lock()
	defer f.mu.Unlock()

	f.asked[alias] = true

	if c, ok := f.clusters[alias]; ok {
		return c, nil
	}

	cfg, ok := f.configs[alias]
	if since, removed := f.removed[alias]; !ok && removed && f.clock.Since(since) < RemovedFor {
		return nil, Removed(alias)
	}

	if !ok {
		return nil, UnknownError{Cluster: alias}
	}

	// The server's own fairness limits clients; a limit on this side would only
	// add latency.
	cfg.QPS = -1

	// Whether it can be watched is known once it is.
	f.metrics.BuildClusterAvailable(alias, false)

	var c *Cluster

	c, err := newCluster(alias, cfg, clusterOptions{
		clock:     f.clock,
		log:       f.log.WithValues("cluster", alias),
		callLimit: f.callLimit,
		announce:  f.announce,
		changed:   func(reason string) { f.report(c, reason) },
	})
	if err != nil {
		if !f.unusable[alias] {
			f.unusable[alias] = true
			f.log.Error(err, "cannot connect to build cluster", "cluster", alias)
		}

		return nil, UnavailableError{Cluster: alias, Reason: "its kubeconfig context cannot be used"}
	}

	f.clusters[alias] = c
	c.run(f.ctx)

	return c, nil
}

// InUse returns the build clusters that are connected to.
func (f *Farm) InUse() []*Cluster {
	f.mu.Lock()
	defer f.mu.Unlock()

	return slices.Collect(maps.Values(f.clusters))
}

// report tells of a change of a cluster that is connected to.
func (f *Farm) report(c *Cluster, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()

	if f.clusters[c.alias] != c {
		return
	}

	f.metrics.BuildClusterAvailable(c.alias, reason == "")

	if reason == "" {
		f.log.Info("build cluster is available", "cluster", c.alias)

		return
	}

	f.log.Info("build cluster is unavailable", "cluster", c.alias, "reason", reason)
}

func (f *Farm) announce(e Event) {
	select {
	case f.events <- event.TypedGenericEvent[Event]{Object: e}:
	case <-f.ctx.Done():
	}
}

type nopMetrics struct{}

func (nopMetrics) BuildClusterAvailable(string, bool) {}
func (nopMetrics) BuildClusterUnused(string)          {}
func (nopMetrics) KubeconfigReloaded(error)           {}
