//go:build linux

// Package fn measures what our composition function costs in its steady state, where
// it spends nearly all of its life, against a function that does nothing.
package fn

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

const (
	// warmUp is how many calls a function is sent before any is measured.
	warmUp = 1000

	// batch is how many calls a function is sent in a row before it is another's turn.
	batch = 10
)

// BenchmarkFunction calls functions that run as processes, with one call in flight:
//
//   - empty does nothing.
//   - steady is ours, for the composite of a claim, sent the same bytes as empty.
//   - steady-v2 is ours, for a namespaced composite.
//   - ratio is steady over empty.
//
// They are called in turns, a few calls each, so that what else the machine does
// meets all of them. Those that are asked for the same number of calls report on the
// same run, which takes a fixed number: -benchtime 5000x.
//
// The times are those of whole calls, without the caller's encoding and decoding.
// B/op and allocs/op are the function's own, of its process, and include a trace of
// its metrics being read; rss-bytes is what its process has after the load.
func BenchmarkFunction(b *testing.B) {
	s := newSuite(b)

	for _, f := range s.servers {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			s.run(b)[f].report(b)
		})
	}

	b.Run("ratio", func(b *testing.B) {
		r := s.run(b)
		steady, empty := r[s.steady], r[s.empty]

		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(steady.percentile(50))/float64(empty.percentile(50)), "p50-ratio")
		b.ReportMetric(float64(steady.percentile(99))/float64(empty.percentile(99)), "p99-ratio")
		b.ReportMetric(steady.resident/empty.resident, "rss-ratio")
	})
}

// A suite is the functions and what was measured of them.
type suite struct {
	servers       []*server
	empty, steady *server

	// runs are all that were made, by the number of calls.
	runs map[int][]run

	// reported counts those that a benchmark has reported on.
	reported map[reporter]int
}

type reporter struct {
	benchmark string
	calls     int
}

// A run is what one run has measured of each function.
type run map[*server]*measurement

// newSuite starts the functions. It ends the benchmark unless their answers are those
// that are to be measured.
func newSuite(b *testing.B) *suite {
	b.Helper()

	g, err := process.NewGroup(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}

	b.Cleanup(g.Stop)

	ours, nothing := build(b, "./fn"), build(b, "./test/bench/emptyfn")
	s := &suite{runs: map[int][]run{}, reported: map[reporter]int{}}

	req := claim().request(b)

	empty, rsp := start(b, g, "empty", nothing, req)
	mustBeEmpty(b, req, rsp)

	steady, rsp := start(b, g, "steady", ours, req)
	mustBeSteady(b, req, rsp)

	req = namespaced().request(b)

	steadyV2, rsp := start(b, g, "steady-v2", ours, req)
	mustBeSteady(b, req, rsp)

	s.servers, s.empty, s.steady = []*server{empty, steady, steadyV2}, empty, steady
	s.measure(b, warmUp)

	return s
}

// run returns the run for a benchmark: the next one of as many calls that it has not
// reported on, which other benchmarks may have.
func (s *suite) run(b *testing.B) run {
	b.Helper()

	r := reporter{benchmark: b.Name(), calls: b.N}
	if s.reported[r] == len(s.runs[b.N]) {
		s.runs[b.N] = append(s.runs[b.N], s.measure(b, b.N))
	}

	s.reported[r]++

	return s.runs[b.N][s.reported[r]-1]
}

// measure calls all functions in turns, each as often as is said.
func (s *suite) measure(b *testing.B, calls int) run {
	b.Helper()

	out := run{}

	for _, f := range s.servers {
		m := &measurement{latencies: make([]time.Duration, 0, calls)}
		m.size, m.objects = allocated(b, f)
		out[f] = m
	}

	// In an order of its own each time, and the same ones in each run: what comes after
	// another function, or after itself, may be slower or faster.
	order, random := slices.Clone(s.servers), rand.New(rand.NewPCG(0, 0))

	for begin := 0; begin < calls; begin += batch {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })

		for _, f := range order {
			for range min(batch, calls-begin) {
				took, err := f.call(b.Context())
				if err != nil {
					b.Fatal(err)
				}

				out[f].latencies = append(out[f].latencies, took)
			}
		}
	}

	for _, f := range s.servers {
		m := out[f]
		size, objects := allocated(b, f)
		m.size, m.objects = size-m.size, objects-m.objects

		resident, err := f.resident()
		if err != nil {
			b.Fatal(err)
		}

		m.resident = resident

		slices.Sort(m.latencies)
	}

	return out
}

func allocated(b *testing.B, f *server) (size, objects float64) {
	b.Helper()

	size, objects, err := f.allocated(b.Context())
	if err != nil {
		b.Fatal(err)
	}

	return size, objects
}

// A measurement is what was measured of one function.
type measurement struct {
	// latencies of the calls, the shortest first.
	latencies []time.Duration

	// size and objects are what was allocated, and resident what the process has.
	size, objects float64
	resident      float64
}

func (m *measurement) percentile(p int) time.Duration {
	return m.latencies[(len(m.latencies)-1)*p/100]
}

func (m *measurement) report(b *testing.B) {
	b.Helper()

	total := time.Duration(0)
	for _, l := range m.latencies {
		total += l
	}

	calls := float64(len(m.latencies))

	b.ReportMetric(float64(total.Nanoseconds())/calls, "ns/op")
	b.ReportMetric(m.size/calls, "B/op")
	b.ReportMetric(m.objects/calls, "allocs/op")
	b.ReportMetric(float64(m.percentile(50).Nanoseconds()), "p50-ns")
	b.ReportMetric(float64(m.percentile(99).Nanoseconds()), "p99-ns")
	b.ReportMetric(calls/total.Seconds(), "calls/s")
	b.ReportMetric(m.resident, "rss-bytes")
}
