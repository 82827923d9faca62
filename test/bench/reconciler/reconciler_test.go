//go:build linux

// Package reconciler measures the reconciler against real API servers, with
// EphemeralClusters by the thousand and nothing behind their jobs.
package reconciler

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/prometheus/procfs"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/jobs"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/stack"
)

// patience is how long one wave of events may take, whatever the number.
const patience = 30 * time.Minute

// BenchmarkReconciler lives the whole life of n EphemeralClusters at once, from
// their creation to their deletion, and reports of each hop how long it took from
// the event until its effect could be seen. An event is timed when its API call has
// returned, an effect when a watch shows it.
//
// Requests are the reconciler's own, by the API servers' audit logs, Events and
// Leases not counted. Resident memory is that of the reconciler while all clusters
// are ready and nothing happens. Run it with -benchtime 1x: one iteration is n lives.
func BenchmarkReconciler(b *testing.B) {
	idle := map[int]float64{}

	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			for b.Loop() {
				r, err := run(b.Context(), n)
				if err != nil {
					b.Fatal(err)
				}

				r.report(b)
				idle[n] = r.idleRSS
			}
		})
	}

	b.Run("growth", func(b *testing.B) {
		const small, large = 1000, 5000

		if idle[small] == 0 || idle[large] == 0 {
			b.Skip("needs both n=1000 and n=5000")
		}

		b.ReportMetric((idle[large]-idle[small])/(large-small), "rss-bytes/idle-cluster")
		b.ReportMetric(0, "ns/op")
	})
}

// A result is what n lives have cost.
type result struct {
	n    int
	took time.Duration
	cpu  time.Duration

	idleRSS float64
	hops    map[hop][]time.Duration

	requests map[string]int
	writes   map[string]int
	lists    int
}

func (r *result) report(b *testing.B) {
	b.Helper()

	per := func(v float64, unit string) { b.ReportMetric(v/float64(r.n), unit) }

	for _, h := range hops() {
		b.ReportMetric(float64(percentile(r.hops[h], 50)), string(h)+"-p50-ns")
		b.ReportMetric(float64(percentile(r.hops[h], 99)), string(h)+"-p99-ns")
	}

	for _, cluster := range []string{stack.AppCI, stack.Build01} {
		per(float64(r.requests[cluster]), cluster+"-requests/life")
		per(float64(r.writes[cluster]), cluster+"-writes/life")
	}

	per(float64(r.cpu), "cpu-ns/life")
	b.ReportMetric(float64(r.lists), "lists")
	b.ReportMetric(r.idleRSS, "rss-bytes")
	b.ReportMetric(float64(r.n)/r.took.Seconds(), "lives/s")
}

// run lives n lives on a stack of its own.
func run(ctx context.Context, n int) (*result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	progress := io.Discard
	if testing.Verbose() {
		progress = os.Stderr
	}

	s, err := stack.Start(ctx, stack.Options{CIOnly: true, Out: progress})
	if err != nil {
		return nil, err
	}
	defer s.Stop()

	p, err := s.RunReconciler(ctx, stack.ComponentReconciler, s.ReconcilerArgs...)
	if err != nil {
		return nil, err
	}

	proc, err := procfs.NewProc(p.PID())
	if err != nil {
		return nil, errors.Wrap(err, "cannot watch the reconciler's process")
	}

	f, err := newFleet(s, n)
	if err != nil {
		return nil, err
	}

	played := make(chan error, 1)
	player := &jobs.Player{AppCI: s.AppCI.Admin(), Build: s.Build01.Admin(), Done: f.done}

	playCtx, stop := context.WithCancel(ctx)
	go func() { played <- player.Run(playCtx) }()

	start := time.Now()
	idleRSS := 0.0

	err = f.live(ctx, func() error {
		stat, err := proc.Stat()
		idleRSS = float64(stat.ResidentMemory())

		return errors.Wrap(err, "cannot read the reconciler's memory")
	})

	took := time.Since(start)

	stop()

	if err := errors.Join(err, <-played); err != nil {
		return nil, errors.Wrapf(err, "the reconciler's last words: %s", s.LogTail(p.Name))
	}

	stat, err := proc.Stat()
	if err != nil {
		return nil, errors.Wrap(err, "cannot read the reconciler's CPU time")
	}

	r := &result{
		n: n, took: took, cpu: time.Duration(stat.CPUTime() * float64(time.Second)), idleRSS: idleRSS, hops: f.hops(),
		requests: map[string]int{}, writes: map[string]int{},
	}

	err = r.count(s)

	return r, err
}
