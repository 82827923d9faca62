package buildfarm

import (
	"context"
	"sort"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// Cluster is one build cluster. What can be watched is answered from memory.
type Cluster struct {
	alias      string
	log        logr.Logger
	core       kubernetes.Interface
	meta       metadata.Interface
	namespaces cache.SharedIndexInformer
	secrets    map[string]cache.SharedIndexInformer
	health     *health
	calls      chan struct{}
	announce   func(Event)
	changed    func(reason string)
	cancel     context.CancelFunc
}

// clusterOptions are what a Cluster does not know by itself.
type clusterOptions struct {
	clock     clock.PassiveClock
	log       logr.Logger
	callLimit int

	// announce hears what happens on the cluster, and changed when it becomes
	// unavailable or available.
	announce func(Event)
	changed  func(reason string)
}

// newCluster makes a client of a build cluster.
func newCluster(alias string, cfg rest.Config, o clusterOptions) (*Cluster, error) {
	core, err := kubernetes.NewForConfig(&cfg)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make client of build cluster %q", alias)
	}

	meta, err := metadata.NewForConfig(&cfg)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make metadata client of build cluster %q", alias)
	}

	return newClusterFor(alias, core, meta, o)
}

func newClusterFor(alias string, core kubernetes.Interface, meta metadata.Interface, o clusterOptions) (*Cluster, error) {
	b := &Cluster{
		alias:    alias,
		log:      o.log,
		announce: o.announce,
		changed:  o.changed,
		core:     core,
		meta:     meta,
		secrets:  make(map[string]cache.SharedIndexInformer, len(watchedSecrets())),
		calls:    make(chan struct{}, o.callLimit),
		cancel:   func() {},
	}

	b.health = newHealth(o.clock, func(reason string) {
		b.changed(reason)
		b.announce(Event{Cluster: alias})
	})

	var err error
	if b.namespaces, err = newNamespaceInformer(meta, b.health); err != nil {
		return nil, err
	}

	if err := handle(b.namespaces, func(obj any) { b.announce(Event{Cluster: alias, JobID: jobID(obj)}) }); err != nil {
		return nil, err
	}

	for name, key := range watchedSecrets() {
		i, err := newSecretInformer(core, name, trimSecret(key, o.clock), b.health)
		if err != nil {
			return nil, err
		}

		if err := handle(i, b.announceSecret); err != nil {
			return nil, err
		}

		b.secrets[name] = i
	}

	return b, nil
}

// handle calls a function for whatever happens to an informer's objects.
func handle(i cache.SharedIndexInformer, fn func(any)) error {
	_, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    fn,
		UpdateFunc: func(_, obj any) { fn(obj) },
		DeleteFunc: fn,
	})

	return errors.Wrap(err, "cannot handle events of build cluster")
}

// announceSecret announces the job that a Secret is for. A Secret whose namespace
// has not been seen is announced with the namespace, when it is.
func (b *Cluster) announceSecret(obj any) {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}

	s, ok := obj.(*watchedSecret)
	if !ok {
		return
	}

	ns, exists, err := b.namespaces.GetStore().GetByKey(s.GetNamespace())
	if err != nil || !exists {
		return
	}

	b.announce(Event{Cluster: b.alias, JobID: jobID(ns)})
}

// run watches until the context ends, and announces when all there is was seen.
func (b *Cluster) run(ctx context.Context) {
	// Informers tell of their troubles by the logger of their context.
	ctx, b.cancel = context.WithCancel(logr.NewContext(ctx, b.log))

	go b.namespaces.RunWithContext(ctx)

	for _, i := range b.secrets {
		go i.RunWithContext(ctx)
	}

	go func() {
		if !cache.WaitForCacheSync(ctx.Done(), b.synced) {
			return
		}

		b.health.sync()
		b.changed(b.health.why())
		b.announce(Event{Cluster: b.alias})
	}()
}

// stop ends the watches.
func (b *Cluster) stop() {
	b.health.stop()
	b.cancel()
}

func (b *Cluster) synced() bool {
	for _, i := range b.secrets {
		if !i.HasSynced() {
			return false
		}
	}

	return b.namespaces.HasSynced()
}

// Health returns an UnavailableError while the cluster cannot be watched.
func (b *Cluster) Health() error {
	if reason := b.health.why(); reason != "" {
		return UnavailableError{Cluster: b.alias, Reason: reason}
	}

	return nil
}

// Namespaces returns the namespaces that ci-operator made for a ProwJob, as far
// as the watch has seen. What it has seen outlives an outage of the cluster.
func (b *Cluster) Namespaces(job string) ([]string, error) {
	if !b.synced() {
		if err := b.Health(); err != nil {
			return nil, err
		}

		return nil, ErrNotYet
	}

	found, err := b.namespaces.GetIndexer().ByIndex(indexJobID, job)
	if err != nil {
		return nil, errors.Wrap(err, "cannot look up namespaces")
	}

	names := make([]string, 0, len(found))

	for _, obj := range found {
		if m, ok := obj.(metav1.Object); ok && m.GetDeletionTimestamp().IsZero() {
			names = append(names, m.GetName())
		}
	}

	sort.Strings(names)

	return names, nil
}

// Secret returns what is of interest in a watched Secret, unknown when the Secret
// does not have it yet.
func (b *Cluster) Secret(namespace, name string) Credential {
	i, ok := b.secrets[name]
	if !ok {
		return Credential{}
	}

	obj, exists, err := i.GetStore().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !exists {
		return Credential{}
	}

	s, ok := obj.(*watchedSecret)
	if !ok {
		return Credential{}
	}

	return s.credential
}
