package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

func TestTTLFor(t *testing.T) {
	cases := map[string]struct {
		reason                  string
		phase                   v1.Phase
		handingOver, handedOver bool
		want                    time.Duration
	}{
		"New":            {reason: "Something is expected soon.", want: time.Minute},
		"Provisioning":   {reason: "The next phase is expected.", phase: v1.PhaseProvisioning, want: time.Minute},
		"HandingOver":    {reason: "The credentials are expected at once.", phase: v1.PhaseReady, handingOver: true, want: 10 * time.Second},
		"Ready":          {reason: "A test takes its time.", phase: v1.PhaseReady, handedOver: true, want: 5 * time.Minute},
		"ReadyWithout":   {reason: "The credentials are expected.", phase: v1.PhaseReady, want: time.Minute},
		"Deprovisioning": {reason: "The end is expected.", phase: v1.PhaseDeprovisioning, handedOver: true, want: time.Minute},
		"Deprovisioned":  {reason: "Nothing is expected.", phase: v1.PhaseDeprovisioned, want: time.Hour},
		"Failed":         {reason: "Nothing is expected, even of credentials.", phase: v1.PhaseFailed, handingOver: true, want: time.Hour},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ttlFor(tc.phase, tc.handingOver, tc.handedOver)); diff != "" {
				t.Errorf("%s\nttlFor(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
