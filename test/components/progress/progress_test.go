package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock stands still until it is told otherwise.
type clock struct{ time time.Time }

func (c *clock) now() time.Time { return c.time }

func (c *clock) pass(d time.Duration) { c.time = c.time.Add(d) }

func steps() []Step {
	return []Step{{"etcd v3.6.16", 2 * time.Minute}, {"kube-apiserver v1.36.3", 10 * time.Minute}, {"kubectl v1.36.3", time.Minute}}
}

func TestLines(t *testing.T) {
	cases := map[string]struct {
		reason string
		steps  []Step
		run    func(p *Progress, c *clock)
		want   string
	}{
		"Builds": {
			reason: "A log has a line when a component begins and one when it is done, with what is left.",
			steps:  steps(),
			run: func(p *Progress, c *clock) {
				p.Begin("building")
				c.pass(2 * time.Minute)
				p.Done("built")
				p.Begin("building")
				c.pass(9 * time.Minute)
				p.Done("built")
				p.Begin("building")
				c.pass(30 * time.Second)
				p.Done("built")
			},
			want: `component 1 of 3: building etcd v3.6.16; about 7m to go
component 1 of 3: etcd v3.6.16 built in 2m; 2m so far, about 11m to go
component 2 of 3: building kube-apiserver v1.36.3; about 11m to go
component 2 of 3: kube-apiserver v1.36.3 built in 9m; 11m so far, about 60s to go
component 3 of 3: building kubectl v1.36.3; about 60s to go
component 3 of 3: kubectl v1.36.3 built in 30s; 11m so far
`,
		},
		"Fetched": {
			reason: "Nobody knows how long a download takes; what has to be built in its place is told with why.",
			steps:  []Step{{Name: "etcd v3.6.16"}, {Name: "kubectl v1.36.3"}, {"crossplane v2.4.0", 4 * time.Minute}},
			run: func(p *Progress, c *clock) {
				p.Begin("fetching")
				c.pass(10 * time.Second)
				p.Done("fetched")
				p.Begin("fetching")
				c.pass(10 * time.Second)
				p.Turn("building", 2*time.Minute, "kubectl v1.36.3 is built: there is no image")
				c.pass(time.Minute)
				p.Done("built")
			},
			want: `component 1 of 3: fetching etcd v3.6.16; about 2m to go
component 1 of 3: etcd v3.6.16 fetched in 10s; 10s so far, about 2m to go
component 2 of 3: fetching kubectl v1.36.3; about 2m to go
kubectl v1.36.3 is built: there is no image
component 2 of 3: kubectl v1.36.3 built in 60s; 80s so far, about 2m to go
`,
		},
		"Elsewhere": {
			reason: "To wait for another process tells nothing of how long a build takes.",
			steps:  steps(),
			run: func(p *Progress, c *clock) {
				p.Begin("building")
				c.pass(10 * time.Minute)
				p.Elsewhere("built by another process")
			},
			want: `component 1 of 3: building etcd v3.6.16; about 7m to go
component 1 of 3: etcd v3.6.16 built by another process in 10m; 10m so far, about 6m to go
`,
		},
		"Interrupted": {
			reason: "What is interrupted says so.",
			steps:  steps(),
			run: func(p *Progress, c *clock) {
				p.Begin("building")
				c.pass(time.Minute)
				p.Failed("interrupted")
			},
			want: `component 1 of 3: building etcd v3.6.16; about 7m to go
component 1 of 3: etcd v3.6.16 interrupted after 60s
`,
		},
		"NotATerminal": {
			reason: "Nothing is drawn over in a log.",
			steps:  steps(),
			run:    func(p *Progress, _ *clock) { p.Draw() },
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, c := &bytes.Buffer{}, &clock{}
			p := New(out, nil, c.now, 2, tc.steps)
			tc.run(p, c)
			p.Close()

			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("\n%s\nNew(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	cases := map[string]struct {
		reason string
		width  int
		run    func(p *Progress, c *clock)
		want   string
	}{
		"Builds": {
			reason: "A terminal has one line, in whose place what all took stays.",
			width:  120,
			run: func(p *Progress, c *clock) {
				p.Begin("building")
				c.pass(30 * time.Second)
				p.Draw()
				c.pass(30 * time.Second)
				p.Done("built")
				p.Begin("building")
				c.pass(9 * time.Minute)
				p.Done("built")
				p.Begin("building")
				p.Done("built")
				p.Close()
				p.Draw()
			},
			want: clearRow + "component 1 of 3: building etcd v3.6.16, 0s; 0s so far, about 7m to go" +
				clearRow + "component 1 of 3: building etcd v3.6.16, 30s; 30s so far, about 6m to go" +
				clearRow + "component 1 of 3: building etcd v3.6.16, 60s; 60s so far, about 6m to go" +
				clearRow + "component 2 of 3: building kube-apiserver v1.36.3, 0s; 60s so far, about 6m to go" +
				clearRow + "component 2 of 3: building kube-apiserver v1.36.3, 9m; 10m so far, about 50s to go" +
				clearRow + "component 3 of 3: building kubectl v1.36.3, 0s; 10m so far, about 50s to go" +
				clearRow + "component 3 of 3: building kubectl v1.36.3, 0s; 10m so far" +
				clearRow + "components: 3 made ready in 10m\n",
		},
		"Narrow": {
			reason: "A line that took a second row could not be drawn over.",
			width:  30,
			run: func(p *Progress, _ *clock) {
				p.Begin("building")
				p.Close()
			},
			want: clearRow + "component 1 of 3: building et",
		},
		"Turned": {
			reason: "Why something is built stays, above the line.",
			width:  120,
			run: func(p *Progress, _ *clock) {
				p.Begin("fetching")
				p.Turn("building", time.Minute, "etcd v3.6.16 is built: there is no image")
				p.Close()
			},
			want: clearRow + "component 1 of 3: fetching etcd v3.6.16, 0s; 0s so far, about 7m to go" +
				clearRow + "etcd v3.6.16 is built: there is no image\n" +
				clearRow + "component 1 of 3: building etcd v3.6.16, 0s; 0s so far, about 6m to go",
		},
		"Interrupted": {
			reason: "What was interrupted stays, and nothing is drawn over it.",
			width:  120,
			run: func(p *Progress, c *clock) {
				p.Begin("building")
				c.pass(time.Minute)
				p.Failed("interrupted")
				p.Draw()
				p.Close()
			},
			want: clearRow + "component 1 of 3: building etcd v3.6.16, 0s; 0s so far, about 7m to go" +
				clearRow + "component 1 of 3: etcd v3.6.16 interrupted after 60s\n",
		},
	}

	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, c := &bytes.Buffer{}, &clock{}
			tc.run(New(out, func() int { return tc.width }, c.now, 2, steps()), c)

			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("\n%s\nNew(...): -want, +got:\n%s", tc.reason, diff)
			}
		})
	}
}
