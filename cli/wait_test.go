package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLastly(t *testing.T) {
	cases := map[string]struct {
		reason   string
		patience patience

		// Whether somebody interrupts, before it begins or later.
		before, later bool

		want string
	}{
		"Undisturbed": {
			reason:   "There is a time for it,",
			patience: patience{giveBack: time.Millisecond, interrupted: time.Hour},
			want:     "gave up after 1ms",
		},
		"Interrupted": {
			reason:   "and less when it begins because of an interrupt,",
			patience: patience{giveBack: time.Hour, interrupted: time.Millisecond},
			before:   true,
			want:     "gave up after 1ms",
		},
		"InterruptedLater": {
			reason:   "or when that comes meanwhile.",
			patience: patience{giveBack: time.Hour, interrupted: time.Millisecond},
			later:    true,
			want:     "gave up after 1ms",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			interrupt, stop := context.WithCancel(t.Context())
			defer stop()

			if tc.before {
				stop()
			}

			w := &world{patience: tc.patience}

			ctx, cancel := w.lastly(interrupt)
			defer cancel()

			if tc.later {
				if ctx.Err() != nil {
					t.Fatalf("%s\nlastly(...): it has ended before anybody interrupted: %v", tc.reason, context.Cause(ctx))
				}

				stop()
			}

			<-ctx.Done()

			if diff := cmp.Diff(tc.want, context.Cause(ctx).Error()); diff != "" {
				t.Errorf("%s\nlastly(...): -want cause, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
