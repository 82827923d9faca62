//go:build linux

package life

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestObserve(t *testing.T) {
	errBroken := errors.New("it is broken")

	claim := &unstructured.Unstructured{Object: map[string]any{
		"kind":     "TestPlatformCluster",
		"metadata": map[string]any{"namespace": "tenant-a", "name": "c"},
		"status":   map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": "False", "reason": "Creating", "message": "wait"}}},
	}}

	late := func(ctx context.Context) (client.Object, error) {
		<-ctx.Done()

		return nil, errBroken
	}

	cases := map[string]struct {
		reason      string
		interrupted bool
		claim       *unstructured.Unstructured
		step        step
		want        string
		is          error
	}{
		"Late": {
			reason: "A step that did not happen in time says how long that was, and quotes every component that plays a part.",
			claim:  claim,
			step:   step{what: "it ends", owners: []string{"a", "b"}, within: time.Millisecond, observe: late},
			want: "step 7 did not happen within 1ms: it ends: it is broken\n" +
				"conditions of TestPlatformCluster tenant-a/c:\n  Ready=False Creating wait\n" +
				"last lines of the log of a:\nlog of a\n" +
				"last lines of the log of b:\nlog of b",
			is: errBroken,
		},
		"AtOnce": {
			reason: "A step that failed before its time was up is not said to have taken all of it.",
			step: step{what: "it ends", owners: []string{"a"}, within: time.Hour, observe: func(context.Context) (client.Object, error) {
				time.Sleep(300 * time.Millisecond)

				return nil, errBroken
			}},
			want: "step 7 failed after 300ms: it ends: it is broken\nlast lines of the log of a:\nlog of a",
			is:   errBroken,
		},
		"NoOwner": {
			reason: "Where kubectl plays the part there is no log, and before the claim there are no conditions.",
			step:   step{what: "it begins", within: time.Millisecond, observe: late},
			want:   "step 7 did not happen within 1ms: it begins: it is broken",
			is:     errBroken,
		},
		"Interrupted": {
			reason:      "A user who ends the program is not told that a step failed.",
			interrupted: true,
			claim:       claim,
			step:        step{what: "it ends", owners: []string{"a"}, within: time.Hour, observe: late},
			want:        "interrupted in step 7 (it ends): context canceled",
			is:          context.Canceled,
		},
		"Happens": {
			reason: "A step that happens is no error.",
			step: step{what: "it ends", within: time.Hour, observe: func(context.Context) (client.Object, error) {
				return claim, nil
			}},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			// Time passes only while all wait.
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()

				if tc.interrupted {
					cancel()
				}

				l := &Life{Out: io.Discard, claim: tc.claim, logTail: func(component string) string { return "log of " + component }}

				_, err := l.observe(ctx, 7, tc.step)

				got := ""
				if err != nil {
					got = err.Error()
				}

				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("\n%s\nobserve(...): -want, +got:\n%s", tc.reason, diff)
				}

				if !errors.Is(err, tc.is) {
					t.Errorf("\n%s\nobserve(...): want error %v, got %v", tc.reason, tc.is, err)
				}
			})
		})
	}
}

func TestSteps(t *testing.T) {
	reason := "Users and tests count on sixteen steps."

	if got := len((&Life{}).steps()); got != Steps {
		t.Errorf("\n%s\nsteps(): want %d, got %d", reason, Steps, got)
	}
}
