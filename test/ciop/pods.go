//go:build linux

package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// cleanupTimeout is how long ending a pod may take on the build cluster, and
	// stopTimeout how much longer once this program was told to stop.
	cleanupTimeout = 2 * time.Minute
	stopTimeout    = 4 * time.Second
)

// Why a pod's processes are stopped.
var (
	errStopped = errors.New("node is shutting down: the ci-operator stand-in was stopped")
	errDeleted = errors.New("pod was deleted")
	errLost    = errors.New("ephemeral cluster is lost: the ci-operator stand-in that ran it has ended")
)

// runPod runs a pod to its end.
func (k *kubelet) runPod(ctx context.Context, log *slog.Logger, pod *corev1.Pod) {
	log.Info("starting pod")

	if err := k.setStatus(ctx, pod, runningStatus); err != nil {
		log.Info("pod did not start", "error", err)

		return
	}

	j := k.newJob(pod, log)
	err := j.execute(ctx)

	j.destroy()
	k.endPod(ctx, log, pod, err)

	// The namespace goes after the pod, as on a real build cluster: whoever waits
	// for the job to end must not see it without one before that.
	ctx, cancel := k.cleanupContext(ctx)
	defer cancel()

	if err := j.reap(ctx); err != nil {
		log.Error("cannot remove what the pod left", "error", err)
	}
}

// losePod fails a pod whose processes ended along with an earlier run of this
// program.
func (k *kubelet) losePod(ctx context.Context, log *slog.Logger, pod *corev1.Pod) {
	k.endPod(ctx, log, pod, errLost)
}

// releasePod ends a pod that is being deleted and of which nothing runs.
func (k *kubelet) releasePod(ctx context.Context, log *slog.Logger, pod *corev1.Pod) {
	k.endPod(ctx, log, pod, errDeleted)
}

// endPod reports a pod's end, with an error or without, and lets it go if it is
// being deleted.
func (k *kubelet) endPod(ctx context.Context, log *slog.Logger, pod *corev1.Pod, err error) {
	message := ""

	if err != nil {
		message = err.Error()
		log = log.With("reason", message)
	}

	cleanup, cancel := k.cleanupContext(ctx)
	defer cancel()

	err = k.setStatus(cleanup, pod, func(p *corev1.Pod, now metav1.Time) corev1.PodStatus { return endedStatus(p, now, message) })

	switch {
	case err == nil:
		log.Info("pod ended", "succeeded", message == "")
	case errors.Is(err, errDeleted):
		log.Info("pod is gone")
	default:
		log.Error("cannot report the pod's end", "error", err)
	}

	if pod.DeletionTimestamp == nil && !errors.Is(context.Cause(ctx), errDeleted) {
		return
	}

	err = k.client.CoreV1().Pods(pod.Namespace).Delete(cleanup, pod.Name, *metav1.NewPreconditionDeleteOptions(string(pod.UID)))
	if err != nil && !kerrors.IsNotFound(err) && !kerrors.IsConflict(err) {
		log.Error("cannot let the pod go", "error", err)
	}
}

// cleanupContext bounds what must be done even though the pod's own context, or
// that of the program, has ended.
func (k *kubelet) cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	release := context.AfterFunc(k.stopped, func() { time.AfterFunc(stopTimeout, cancel) })

	return ctx, func() {
		release()
		cancel()
	}
}

// setStatus sets the status of a pod that is still there and has not ended.
func (k *kubelet) setStatus(ctx context.Context, pod *corev1.Pod, status func(*corev1.Pod, metav1.Time) corev1.PodStatus) error {
	pods := k.client.CoreV1().Pods(pod.Namespace)

	var last error

	err := wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if kerrors.IsNotFound(err) || (err == nil && p.UID != pod.UID) {
			return false, errDeleted
		}

		if err == nil && ended(p.Status) {
			return false, errors.New("pod has ended already")
		}

		if err == nil {
			p.Status = status(p, metav1.Now())
			_, err = pods.UpdateStatus(ctx, p, metav1.UpdateOptions{})
		}

		last = err

		return err == nil, nil
	})
	if wait.Interrupted(err) && last != nil {
		err = last
	}

	return errors.Wrap(err, "cannot set the pod's status")
}
