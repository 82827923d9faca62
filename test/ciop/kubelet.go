//go:build linux

package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/ciop/invocation"
)

// job is what a pod runs.
type job interface {
	// execute runs to the end, and returns an error unless all went well.
	execute(ctx context.Context) error

	// destroy ends everything that still runs, at once.
	destroy()

	// reap removes what is left on the build cluster after the pod.
	reap(ctx context.Context) error
}

// kubelet runs pods.
type kubelet struct {
	client    kubernetes.Interface
	namespace string
	log       *slog.Logger
	newJob    func(*corev1.Pod, *slog.Logger) job

	// stopped ends when this program is told to stop.
	stopped context.Context //nolint:containedctx // It bounds what must outlive a pod's own context.

	wg sync.WaitGroup

	mu   sync.Mutex
	pods map[types.UID]context.CancelCauseFunc
}

func newKubelet(client kubernetes.Interface, namespace string, log *slog.Logger, newJob func(*corev1.Pod, *slog.Logger) job) *kubelet {
	return &kubelet{
		client:    client,
		namespace: namespace,
		log:       log,
		newJob:    newJob,
		stopped:   context.Background(),
		pods:      map[types.UID]context.CancelCauseFunc{},
	}
}

// run runs pods until the context ends, and returns when none is left.
func (k *kubelet) run(ctx context.Context) error {
	defer k.wg.Wait()

	k.stopped = ctx

	f := informers.NewSharedInformerFactoryWithOptions(k.client, 0,
		informers.WithNamespace(k.namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = invocation.LabelProwJob }))

	i := f.Core().V1().Pods().Informer()

	_, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { k.sync(ctx, o) },
		UpdateFunc: func(was, o any) {
			if uid(was) != uid(o) {
				k.forget(was)
			}

			k.sync(ctx, o)
		},
		DeleteFunc: k.forget,
	})
	if err != nil {
		return errors.Wrap(err, "cannot watch pods")
	}

	i.RunWithContext(ctx)

	return nil
}

// action is what is to be done about a pod.
type action string

const (
	actionNone action = "None"

	// actionRun starts it.
	actionRun action = "Run"

	// actionStop stops what it runs, before it may go.
	actionStop action = "Stop"

	// actionLose fails it, because what it ran is gone.
	actionLose action = "Lose"

	// actionRelease lets it go: nothing of it runs.
	actionRelease action = "Release"
)

// decide what is to be done about a pod, of which something may be known.
func decide(pod *corev1.Pod, known bool) action {
	switch deleting := pod.DeletionTimestamp != nil; {
	case known && deleting:
		return actionStop
	case known:
		return actionNone
	case deleting:
		return actionRelease
	case ended(pod.Status):
		return actionNone
	case pod.Status.Phase == corev1.PodPending || pod.Status.Phase == "":
		return actionRun
	default:
		return actionLose
	}
}

func (k *kubelet) sync(ctx context.Context, o any) {
	pod, ok := o.(*corev1.Pod)
	if !ok || ctx.Err() != nil {
		return
	}

	k.mu.Lock()
	defer k.mu.Unlock()

	stop, known := k.pods[pod.UID]

	a := decide(pod, known)
	k.log.Debug("seen pod", "pod", pod.Name, "uid", pod.UID, "phase", pod.Status.Phase, "action", a)

	switch a {
	case actionNone:
	case actionStop:
		stop(errDeleted)
	case actionRun:
		k.goPod(ctx, pod, k.runPod)
	case actionLose:
		k.goPod(ctx, pod, k.losePod)
	case actionRelease:
		k.goPod(ctx, pod, k.releasePod)
	}
}

// goPod deals with a pod in the background. It stays known until it is gone, so
// that no late event of it can run it again.
func (k *kubelet) goPod(ctx context.Context, pod *corev1.Pod, f func(context.Context, *slog.Logger, *corev1.Pod)) {
	podCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { cancel(errStopped) })

	k.pods[pod.UID] = cancel

	k.wg.Go(func() { f(podCtx, k.log.With("pod", pod.Name, "uid", pod.UID), pod) })
}

// forget stops what a pod runs, because it is gone.
func (k *kubelet) forget(o any) {
	k.mu.Lock()
	defer k.mu.Unlock()

	if stop, known := k.pods[uid(o)]; known {
		stop(errDeleted)
		delete(k.pods, uid(o))
	}
}

func uid(o any) types.UID {
	if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = d.Obj
	}

	if pod, ok := o.(*corev1.Pod); ok {
		return pod.UID
	}

	return ""
}
