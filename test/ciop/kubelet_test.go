//go:build linux

package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	kerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func newPod(phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "pj", UID: "uid"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "test"}}},
		Status:     corev1.PodStatus{Phase: phase},
	}
}

func TestDecide(t *testing.T) {
	now := metav1.Now()

	deleting := func(p *corev1.Pod) *corev1.Pod {
		p.DeletionTimestamp = &now

		return p
	}

	type args struct {
		pod   *corev1.Pod
		known bool
	}

	cases := map[string]struct {
		reason string
		args   args
		want   action
	}{
		"New": {
			reason: "A new pod is run.",
			args:   args{pod: newPod(corev1.PodPending)},
			want:   actionRun,
		},
		"NewWithoutPhase": {
			reason: "So is one whose phase nobody has set.",
			args:   args{pod: newPod("")},
			want:   actionRun,
		},
		"Known": {
			reason: "A pod is run once, even if a late event still shows it as pending.",
			args:   args{pod: newPod(corev1.PodPending), known: true},
			want:   actionNone,
		},
		"KnownRunning": {
			reason: "A pod that runs is left alone.",
			args:   args{pod: newPod(corev1.PodRunning), known: true},
			want:   actionNone,
		},
		"Lost": {
			reason: "What runs a pod that is unknown is gone.",
			args:   args{pod: newPod(corev1.PodRunning)},
			want:   actionLose,
		},
		"Unknown": {
			reason: "The same goes for a phase that nobody here sets.",
			args:   args{pod: newPod(corev1.PodUnknown)},
			want:   actionLose,
		},
		"Succeeded": {
			reason: "A pod that has ended is done.",
			args:   args{pod: newPod(corev1.PodSucceeded)},
			want:   actionNone,
		},
		"Failed": {
			reason: "A pod that has ended is done.",
			args:   args{pod: newPod(corev1.PodFailed)},
			want:   actionNone,
		},
		"DeletedWhileRunning": {
			reason: "A pod that is being deleted is stopped first.",
			args:   args{pod: deleting(newPod(corev1.PodRunning)), known: true},
			want:   actionStop,
		},
		"DeletedBeforeItRan": {
			reason: "Nothing holds a pod of which nothing runs.",
			args:   args{pod: deleting(newPod(corev1.PodPending))},
			want:   actionRelease,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decide(tc.args.pod, tc.args.known)); diff != "" {
				t.Errorf("%s\ndecide(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// fakeJob notes the order that it is called in, and what the pod's phase is when
// it is reaped.
type fakeJob struct {
	client *fake.Clientset
	run    func(ctx context.Context) error

	calls []string
}

func (j *fakeJob) execute(ctx context.Context) error {
	j.calls = append(j.calls, "execute while "+j.phase(ctx))

	return j.run(ctx)
}

func (j *fakeJob) destroy() { j.calls = append(j.calls, "destroy") }

func (j *fakeJob) reap(ctx context.Context) error {
	j.calls = append(j.calls, "reap when "+j.phase(ctx))

	return nil
}

func (j *fakeJob) phase(ctx context.Context) string {
	p, err := j.client.CoreV1().Pods("ci").Get(ctx, "pj", metav1.GetOptions{})
	if kerrors.IsNotFound(err) {
		return "gone"
	}

	return string(p.Status.Phase)
}

func TestSync(t *testing.T) {
	untilStopped := func(ctx context.Context) error {
		<-ctx.Done()

		return context.Cause(ctx)
	}

	type want struct {
		calls   []string
		phase   corev1.PodPhase
		message string
		gone    bool
	}

	cases := map[string]struct {
		reason string
		phase  corev1.PodPhase
		run    func(ctx context.Context) error

		// then happens once the pod was seen.
		then func(k *kubelet, pod *corev1.Pod, stop context.CancelFunc)
		want want
	}{
		"Succeeds": {
			reason: "The namespace goes after the pod has ended.",
			phase:  corev1.PodPending,
			run:    func(context.Context) error { return nil },
			want:   want{calls: []string{"execute while Running", "destroy", "reap when Succeeded"}, phase: corev1.PodSucceeded},
		},
		"Fails": {
			reason: "A failed pod says why.",
			phase:  corev1.PodPending,
			run:    func(context.Context) error { return errors.New("boom") },
			want:   want{calls: []string{"execute while Running", "destroy", "reap when Failed"}, phase: corev1.PodFailed, message: "boom"},
		},
		"Stopped": {
			reason: "Pods fail when this program is told to stop.",
			phase:  corev1.PodPending,
			run:    untilStopped,
			then:   func(_ *kubelet, _ *corev1.Pod, stop context.CancelFunc) { stop() },
			want:   want{calls: []string{"execute while Running", "destroy", "reap when Failed"}, phase: corev1.PodFailed, message: errStopped.Error()},
		},
		"Deleted": {
			reason: "A pod that waits to be deleted is let go once nothing of it runs.",
			phase:  corev1.PodPending,
			run:    untilStopped,
			then: func(k *kubelet, pod *corev1.Pod, _ context.CancelFunc) {
				now := metav1.Now()
				pod = pod.DeepCopy()
				pod.DeletionTimestamp = &now
				k.sync(k.stopped, pod)
			},
			want: want{calls: []string{"execute while Running", "destroy", "reap when gone"}, gone: true},
		},
		"Lost": {
			reason: "A pod that an earlier run of this program ran fails.",
			phase:  corev1.PodRunning,
			want:   want{phase: corev1.PodFailed, message: errLost.Error()},
		},
		"SeenTwice": {
			reason: "A pod is run once.",
			phase:  corev1.PodPending,
			run:    func(context.Context) error { return nil },
			then: func(k *kubelet, pod *corev1.Pod, _ context.CancelFunc) {
				k.sync(k.stopped, pod)
				k.wg.Wait()
				k.sync(k.stopped, pod)
			},
			want: want{calls: []string{"execute while Running", "destroy", "reap when Succeeded"}, phase: corev1.PodSucceeded},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := newPod(tc.phase)
			client := fake.NewClientset(pod)
			running := make(chan struct{})
			j := &fakeJob{client: client, run: func(ctx context.Context) error {
				close(running)

				return tc.run(ctx)
			}}

			k := newKubelet(client, "ci", slog.New(slog.DiscardHandler), func(*corev1.Pod, *slog.Logger) job { return j })

			ctx, stop := context.WithCancel(t.Context())
			defer stop()

			k.stopped = ctx
			k.sync(ctx, pod)

			if tc.then != nil {
				<-running
				tc.then(k, pod, stop)
			}

			k.wg.Wait()

			got := want{calls: j.calls}

			p, err := client.CoreV1().Pods("ci").Get(t.Context(), "pj", metav1.GetOptions{})
			if err == nil {
				got.phase, got.message = p.Status.Phase, p.Status.Message
			}

			got.gone = kerrors.IsNotFound(err)

			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
				t.Errorf("%s\nsync(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestForget(t *testing.T) {
	pod := newPod(corev1.PodPending)
	client := fake.NewClientset(pod)
	running := make(chan struct{})

	var cause error

	j := &fakeJob{client: client, run: func(ctx context.Context) error {
		close(running)
		<-ctx.Done()

		cause = context.Cause(ctx)

		return cause
	}}

	k := newKubelet(client, "ci", slog.New(slog.DiscardHandler), func(*corev1.Pod, *slog.Logger) job { return j })
	k.sync(t.Context(), pod)
	<-running

	// A pod without a node is gone at once when it is deleted.
	if err := client.CoreV1().Pods("ci").Delete(t.Context(), "pj", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	k.forget(pod)
	k.wg.Wait()

	if !errors.Is(cause, errDeleted) {
		t.Errorf("forget(...): want the job stopped because of the deletion, got: %v", cause)
	}

	if diff := cmp.Diff([]string{"execute while Running", "destroy", "reap when gone"}, j.calls); diff != "" {
		t.Errorf("forget(...): -want, +got:\n%s", diff)
	}
}
