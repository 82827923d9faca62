package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// Who waits for the end of a cluster is told when app.ci will not have it end. What it has
// refused before is given the time to be answered anew.
func TestTearDownRefused(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	file := k.kubeconfig(t, "tenant-a")
	launch(t, file, arguments("--namespace=tenant-a")...).exits(t, 0)
	must(t, k.report(t.Context(), "tenant-a", "demo", life.TearDownNo))

	cases := map[string]struct {
		reason   string
		patience patience
		timeout  string
		wantCode int
		want     string
	}{
		"Refused": {
			reason:   "A refusal that stays is final.",
			patience: patience{ask: time.Minute, answer: time.Second},
			timeout:  "1m",
			wantCode: exitFailed,
			want:     "tpc: demo failed: Refused: " + life.RefusedByAppCI + "\n",
		},
		"RefusedBefore": {
			reason:   "One that may be of before is waited out.",
			patience: patience{ask: time.Minute, answer: time.Hour},
			timeout:  "5s",
			wantCode: exitTimeout,
			want:     "tpc: timed out after 5s, waiting for app.ci to take what is asked for: " + life.RefusedByAppCI + "\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			errs := &buffer{}
			args := []string{"tpc", "deprovision", "demo", "--wait", "--kubeconfig=" + file, "--namespace=tenant-a", "--timeout=" + tc.timeout}

			if code := run(args, &world{out: &buffer{}, err: errs, patience: tc.patience}); code != tc.wantCode {
				t.Errorf("%s\nexit code: want %d, got %d", tc.reason, tc.wantCode, code)
			}

			if diff := cmp.Diff(tc.want, errs.String()); diff != "" {
				t.Errorf("%s\nstandard error: -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
