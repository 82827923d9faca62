package progress

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEstimate(t *testing.T) {
	type step struct {
		cpu, took time.Duration
	}

	cases := map[string]struct {
		reason                  string
		cores                   int
		done                    []step
		current, elapsed, after time.Duration
		want                    time.Duration
	}{
		"Nothing": {
			reason: "What is all done takes no more time.",
			cores:  2,
			want:   0,
		},
		"Beginning": {
			reason:  "Before anything is measured, the usual times count.",
			cores:   1,
			current: 2 * time.Minute,
			after:   8 * time.Minute,
			want:    10 * time.Minute,
		},
		"Cores": {
			reason:  "Cores share the CPU time.",
			cores:   4,
			current: 2 * time.Minute,
			after:   8 * time.Minute,
			want:    150 * time.Second,
		},
		"NoCores": {
			reason:  "There is always one that does the work.",
			current: 2 * time.Minute,
			want:    2 * time.Minute,
		},
		"UnderWay": {
			reason:  "What the current step has taken so far is behind us.",
			cores:   2,
			current: 2 * time.Minute,
			elapsed: 20 * time.Second,
			after:   8 * time.Minute,
			want:    4*time.Minute + 40*time.Second,
		},
		"HalfAsFast": {
			reason:  "On a machine that is half as fast, the rest takes twice as long.",
			cores:   2,
			done:    []step{{2 * time.Minute, 2 * time.Minute}},
			current: 4 * time.Minute,
			elapsed: time.Minute,
			after:   2 * time.Minute,
			want:    5 * time.Minute,
		},
		"Warm": {
			reason:  "What is compiled already takes a tenth, and so will the rest.",
			cores:   2,
			done:    []step{{4 * time.Minute, 10 * time.Second}, {2 * time.Minute, 8 * time.Second}},
			current: 10 * time.Minute,
			after:   10 * time.Minute,
			want:    time.Minute,
		},
		"Late": {
			reason:  "A step that takes longer than usual is not over sooner for that, and what follows it takes longer too.",
			cores:   1,
			current: time.Minute,
			elapsed: 3 * time.Minute,
			after:   time.Minute,
			want:    3 * time.Minute,
		},
		"LateAfterOthers": {
			reason:  "All that was measured counts, not only what is late.",
			cores:   1,
			done:    []step{{3 * time.Minute, 3 * time.Minute}},
			current: time.Minute,
			elapsed: 5 * time.Minute,
			after:   time.Minute,
			want:    2 * time.Minute,
		},
		"Download": {
			reason:  "A download, whose time nobody knows, says nothing of how fast the machine builds.",
			cores:   1,
			done:    []step{{0, time.Hour}},
			elapsed: time.Hour,
			after:   time.Minute,
			want:    time.Minute,
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := estimate{cores: tc.cores}
			for _, s := range tc.done {
				e = e.done(s.cpu, s.took)
			}

			if diff := cmp.Diff(tc.want, e.left(tc.current, tc.elapsed, tc.after)); diff != "" {
				t.Errorf("\n%s\nleft(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
