// Package ephemeralcluster reconciles EphemeralClusters: each becomes a ProwJob
// that provisions a cluster, whose credentials are published until it is torn down.
package ephemeralcluster

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/buildfarm"
	"github.com/ephemeral-clusters/ephemeral-clusters/reconciler/profiles"
)

const (
	// defaultResync is how often an EphemeralCluster is looked at when nothing
	// happens to it. It only repairs what no watch can see.
	defaultResync = 10 * time.Minute

	// defaultTimeout limits one pass.
	defaultTimeout = time.Minute
)

// BuildCluster is a cluster that Prow runs pods on.
type BuildCluster interface {
	// Health returns an error while what the cluster is known to hold may be old.
	Health() error

	// Namespaces returns ci-operator's namespaces for a ProwJob, from memory.
	Namespaces(job string) ([]string, error)

	// FindNamespaces returns the same, from the cluster.
	FindNamespaces(ctx context.Context, job string) ([]string, error)

	// Secret returns what is of interest in a Secret.
	Secret(namespace, name string) buildfarm.Credential

	// Signal tells ci-operator to tear down.
	Signal(ctx context.Context, namespace string) error
}

// BuildFarm returns a build cluster by alias.
type BuildFarm func(alias string) (BuildCluster, error)

// JobBuilder makes the ProwJob of an EphemeralCluster.
type JobBuilder interface {
	Build(ec *v1.EphemeralCluster, profile *profiles.Profile) (*prowv1.ProwJob, error)
}

// ProfileSource returns the cluster profiles in force.
type ProfileSource interface {
	Current() *profiles.Set
}

// EventRecorder records Kubernetes Events.
type EventRecorder interface {
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// Metrics hears about what passes observed.
type Metrics interface {
	Provisioned(workflow string, took time.Duration)
	Published(took time.Duration)
	Deprovisioned(workflow string, took time.Duration)
	OrphanIgnored(buildCluster string)
}

// Collaborators are what a Reconciler cannot do without.
type Collaborators struct {
	// Client reads from a cache in which ProwJobs are indexed by IndexFields.
	Client client.Client

	// Reader reads from the API server.
	Reader client.Reader

	Farm BuildFarm

	// InUse returns the build clusters that are being watched.
	InUse func() []BuildCluster

	Jobs     JobBuilder
	Profiles ProfileSource
}

// Reconciler reconciles EphemeralClusters.
type Reconciler struct {
	Collaborators

	clock              clock.PassiveClock
	recorder           EventRecorder
	metrics            Metrics
	privileged         sets.Set[string]
	prowJobNamespace   string
	kubeconfigInStatus bool
	maxLifetime        time.Duration
	resync             time.Duration
	timeout            time.Duration
	began              time.Time
}

// Option configures a Reconciler.
type Option func(*Reconciler)

// WithClock sets the clock.
func WithClock(c clock.PassiveClock) Option {
	return func(r *Reconciler) { r.clock = c }
}

// WithEventRecorder sets the recorder of Events.
func WithEventRecorder(e EventRecorder) Option {
	return func(r *Reconciler) { r.recorder = e }
}

// WithMetrics sets where observations are recorded.
func WithMetrics(m Metrics) Option {
	return func(r *Reconciler) { r.metrics = m }
}

// WithPrivilegedTenants sets the tenants that may use every cluster profile.
func WithPrivilegedTenants(tenants ...string) Option {
	return func(r *Reconciler) { r.privileged = sets.New(tenants...) }
}

// WithKubeconfigInStatus publishes credentials in the status too.
func WithKubeconfigInStatus(enabled bool) Option {
	return func(r *Reconciler) { r.kubeconfigInStatus = enabled }
}

// WithMaxLifetime sets the age at which a cluster is torn down unasked, 0 for never.
func WithMaxLifetime(d time.Duration) Option {
	return func(r *Reconciler) { r.maxLifetime = d }
}

// WithResync sets how often an EphemeralCluster is looked at when nothing happens.
func WithResync(d time.Duration) Option {
	return func(r *Reconciler) { r.resync = d }
}

// WithProwJobNamespace sets the namespace that ProwJobs are in.
func WithProwJobNamespace(ns string) Option {
	return func(r *Reconciler) { r.prowJobNamespace = ns }
}

// NewReconciler returns a Reconciler.
func NewReconciler(c Collaborators, o ...Option) *Reconciler {
	r := &Reconciler{
		Collaborators:    c,
		clock:            clock.RealClock{},
		recorder:         nopRecorder{},
		metrics:          nopMetrics{},
		privileged:       sets.New[string](),
		prowJobNamespace: "ci",
		resync:           defaultResync,
		timeout:          defaultTimeout,
	}

	for _, fn := range o {
		fn(r)
	}

	r.began = r.clock.Now()

	return r
}

type nopRecorder struct{}

func (nopRecorder) Eventf(_, _ runtime.Object, _, _, _, _ string, _ ...any) {}

type nopMetrics struct{}

func (nopMetrics) Provisioned(string, time.Duration)   {}
func (nopMetrics) Published(time.Duration)             {}
func (nopMetrics) Deprovisioned(string, time.Duration) {}
func (nopMetrics) OrphanIgnored(string)                {}
