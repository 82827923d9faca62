// Package buildfarm reaches the clusters that Prow runs pods on: it watches on
// each what ephemeral clusters need, and passes on the signal to tear down.
package buildfarm

import (
	"context"
	"reflect"
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
	// reloadInterval is how often the kubeconfig files are looked at. A Secret's
	// mount takes about a minute to change.
	reloadInterval = 10 * time.Second

	reasonRemoved = "its context is gone from the kubeconfig files"
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

	// infrastructureChanged is called when the infrastructure cluster is to be
	// reached differently from now on.
	infrastructureChanged func()

	mu       sync.Mutex
	configs  map[string]rest.Config
	removed  map[string]bool
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
		infrastructureChanged: func() {},
		removed:               map[string]bool{},
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

	if c, ok := f.clusters[alias]; ok {
		return c, nil
	}

	cfg, ok := f.configs[alias]
	if !ok && f.removed[alias] {
		return nil, UnavailableError{Cluster: alias, Reason: reasonRemoved}
	}

	if !ok {
		return nil, UnknownError{Cluster: alias}
	}

	// The server's own fairness limits clients; a limit on this side would only
	// add latency.
	cfg.QPS = -1

	c, err := newCluster(alias, cfg, f.clock, f.announce, func(reason string) { f.report(alias, reason) })
	if err != nil {
		f.log.Error(err, "cannot connect to build cluster", "cluster", alias)

		return nil, UnavailableError{Cluster: alias, Reason: "its kubeconfig context cannot be used"}
	}

	f.clusters[alias] = c
	f.metrics.BuildClusterAvailable(alias, true)
	c.run(f.ctx, f.announce)

	return c, nil
}

// Start reads the kubeconfigs again whenever they change, until the context ends.
func (f *Farm) Start(ctx context.Context) error {
	defer f.stop()

	t := f.clock.NewTicker(reloadInterval)
	defer t.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C():
			if f.source.Changed() {
				f.reload()
			}
		}
	}
}

// NeedLeaderElection is false: a replica that waits to lead must have the current
// kubeconfigs when it does.
func (f *Farm) NeedLeaderElection() bool {
	return false
}

// reload replaces the clusters whose configuration has changed. A source that
// cannot be read changes nothing: a file may be seen half-written.
func (f *Farm) reload() {
	configs, err := f.source.Load()
	f.metrics.KubeconfigReloaded(err)

	if err != nil {
		f.log.Error(err, "cannot reload kubeconfigs, keeping the last good ones")

		return
	}

	affected, infrastructure := f.swap(configs)
	f.log.Info("kubeconfigs reloaded", "changed", affected)

	if infrastructure {
		f.infrastructureChanged()
	}

	for _, alias := range affected {
		f.announce(Event{Cluster: alias})
	}
}

func (f *Farm) swap(configs map[string]rest.Config) ([]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	affected := []string{}

	for alias, old := range f.configs {
		cfg, ok := configs[alias]
		if ok && reflect.DeepEqual(old, cfg) {
			continue
		}

		// A cluster that was known and is no longer is not an unknown one: its
		// ProwJobs are kept, because it may come back.
		f.removed[alias] = !ok
		affected = append(affected, alias)

		if c, connected := f.clusters[alias]; connected {
			c.stop()
			delete(f.clusters, alias)
		}

		if !ok {
			f.metrics.BuildClusterAvailable(alias, false)
		}
	}

	for alias := range configs {
		if _, known := f.configs[alias]; !known {
			affected = append(affected, alias)
		}
	}

	infrastructure := !reflect.DeepEqual(f.configs[kube.InClusterContext], configs[kube.InClusterContext])
	f.configs = configs

	return affected, infrastructure
}

func (f *Farm) report(alias, reason string) {
	f.metrics.BuildClusterAvailable(alias, reason == "")

	if reason == "" {
		f.log.Info("build cluster is available again", "cluster", alias)

		return
	}

	f.log.Info("build cluster is unavailable", "cluster", alias, "reason", reason)
}

func (f *Farm) announce(e Event) {
	select {
	case f.events <- event.TypedGenericEvent[Event]{Object: e}:
	case <-f.ctx.Done():
	}
}

type nopMetrics struct{}

func (nopMetrics) BuildClusterAvailable(string, bool) {}
func (nopMetrics) KubeconfigReloaded(error)           {}
