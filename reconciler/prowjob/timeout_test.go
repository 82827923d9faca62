package prowjob

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/prow/pkg/config"
)

func TestTimeouts(t *testing.T) {
	cases := map[string]struct {
		reason   string
		lifetime time.Duration
		running  *metav1.Duration
		want     timeouts
	}{
		"Lifetime": {
			reason:   "A cluster of the greatest age has been waited for, and is yet to be torn down.",
			lifetime: 24 * time.Hour,
			want:     timeouts{job: 29 * time.Hour, step: 25 * time.Hour},
		},
		"NoLifetime": {
			reason: "Without a greatest age, Prow's own limit is the only one.",
			want:   timeouts{job: 46*time.Hour + 30*time.Minute, step: 42*time.Hour + 30*time.Minute},
		},
		"BeyondPod": {
			reason:   "A job that Prow would cut off with its pod could not tear down.",
			lifetime: 100 * time.Hour,
			want:     timeouts{job: 46*time.Hour + 30*time.Minute, step: 42*time.Hour + 30*time.Minute},
		},
		"BeyondStep": {
			reason:   "ci-operator refuses a step with a longer timeout.",
			lifetime: 100 * time.Hour,
			running:  &metav1.Duration{Duration: 200 * time.Hour},
			want:     timeouts{job: 105 * time.Hour, step: 72 * time.Hour},
		},
		"ShortPods": {
			reason:   "Where pods may not run for long, there is still some time to use a cluster.",
			lifetime: 24 * time.Hour,
			running:  &metav1.Duration{Duration: 5*time.Hour + 30*time.Minute},
			want:     timeouts{job: 4 * time.Hour, step: 2 * time.Hour},
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := &config.Config{}
			c.Plank.PodRunningTimeout = tc.running

			got := timeoutsFor(tc.lifetime, c)
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(timeouts{})); diff != "" {
				t.Errorf("%s\ntimeoutsFor(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
