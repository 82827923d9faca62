package buildfarm

import (
	"context"
	"sort"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

const (
	// callTimeout limits a single call, watches aside.
	callTimeout = 10 * time.Second

	// maxCalls is how many calls may wait for one cluster at a time. It is well
	// below the number of workers, so that a cluster that hangs cannot have all
	// of them.
	maxCalls = 8
)

// Cluster is one build cluster. What can be watched is answered from memory.
type Cluster struct {
	alias      string
	core       kubernetes.Interface
	meta       metadata.Interface
	namespaces cache.SharedIndexInformer
	secrets    map[string]cache.SharedIndexInformer
	health     *health
	calls      chan struct{}
	stop       context.CancelFunc
}

// newCluster makes a client of a build cluster that announces what it sees there.
func newCluster(alias string, cfg rest.Config, c clock.PassiveClock, announce func(Event), changed func(string)) (*Cluster, error) {
	core, err := kubernetes.NewForConfig(&cfg)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make client of build cluster %q", alias)
	}

	meta, err := metadata.NewForConfig(&cfg)
	if err != nil {
		return nil, errors.Wrapf(err, "cannot make metadata client of build cluster %q", alias)
	}

	return newClusterFor(alias, core, meta, c, announce, changed)
}

func newClusterFor(alias string, core kubernetes.Interface, meta metadata.Interface, c clock.PassiveClock, announce func(Event), changed func(string)) (*Cluster, error) {
	b := &Cluster{
		alias:   alias,
		core:    core,
		meta:    meta,
		secrets: make(map[string]cache.SharedIndexInformer, len(watchedSecrets())),
		calls:   make(chan struct{}, maxCalls),
		stop:    func() {},
	}

	b.health = newHealth(c, func(reason string) {
		changed(reason)
		announce(Event{Cluster: alias})
	})

	var err error
	if b.namespaces, err = newNamespaceInformer(meta, b.health); err != nil {
		return nil, err
	}

	if err := handle(b.namespaces, func(obj any) { announce(Event{Cluster: alias, JobID: jobID(obj)}) }); err != nil {
		return nil, err
	}

	for name, key := range watchedSecrets() {
		i, err := newSecretInformer(core, name, key, b.health)
		if err != nil {
			return nil, err
		}

		if err := handle(i, func(obj any) { b.announceSecret(obj, announce) }); err != nil {
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
func (b *Cluster) announceSecret(obj any, announce func(Event)) {
	if d, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = d.Obj
	}

	s, ok := obj.(*corev1.Secret)
	if !ok {
		return
	}

	ns, exists, err := b.namespaces.GetStore().GetByKey(s.GetNamespace())
	if err != nil || !exists {
		return
	}

	announce(Event{Cluster: b.alias, JobID: jobID(ns)})
}

// run watches until the context ends, and announces when all there is was seen.
func (b *Cluster) run(ctx context.Context, announce func(Event)) {
	ctx, b.stop = context.WithCancel(ctx)

	go b.namespaces.RunWithContext(ctx)

	for _, i := range b.secrets {
		go i.RunWithContext(ctx)
	}

	go func() {
		if cache.WaitForCacheSync(ctx.Done(), b.synced) {
			announce(Event{Cluster: b.alias})
		}
	}()
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

// FindNamespaces asks the cluster itself. It is for the one decision that a watch
// that lags must not take: to abort a ProwJob because ci-operator has no namespace.
func (b *Cluster) FindNamespaces(ctx context.Context, job string) ([]string, error) {
	var names []string

	err := b.call(ctx, func(ctx context.Context) error {
		l, err := b.meta.Resource(namespaceResource()).List(ctx, metav1.ListOptions{
			LabelSelector: labels.Set{v1.LabelJobID: job}.String(),
		})
		if err != nil {
			return err
		}

		for _, ns := range l.Items {
			if ns.GetDeletionTimestamp().IsZero() {
				names = append(names, ns.GetName())
			}
		}

		return nil
	})

	sort.Strings(names)

	return names, err
}

// Secret returns the value of interest of a watched Secret, nil when the Secret
// does not have it yet.
func (b *Cluster) Secret(namespace, name string) []byte {
	i, ok := b.secrets[name]
	if !ok {
		return nil
	}

	obj, exists, err := i.GetStore().GetByKey(cache.NewObjectName(namespace, name).String())
	if err != nil || !exists {
		return nil
	}

	s, ok := obj.(*corev1.Secret)
	if !ok {
		return nil
	}

	return s.Data[watchedSecrets()[name]]
}

// Signal tells ci-operator, by its namespace, to tear down. It may be repeated.
func (b *Cluster) Signal(ctx context.Context, namespace string) error {
	return b.call(ctx, func(ctx context.Context) error {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1.SecretTestDone}}

		_, err := b.core.CoreV1().Secrets(namespace).Create(ctx, s, metav1.CreateOptions{})
		if kerrors.IsAlreadyExists(err) || kerrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil
		}

		return err
	})
}

// call runs a call on the cluster, unless enough of them are waiting for it. While
// the cluster is unavailable a single one is let through, to try it.
func (b *Cluster) call(ctx context.Context, fn func(context.Context) error) error {
	if err := b.Health(); err != nil && len(b.calls) > 0 {
		return err
	}

	select {
	case b.calls <- struct{}{}:
	default:
		return ErrNotYet
	}

	defer func() { <-b.calls }()

	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()

	if err := fn(ctx); err != nil {
		return UnavailableError{Cluster: b.alias, Reason: Describe(err)}
	}

	return nil
}
