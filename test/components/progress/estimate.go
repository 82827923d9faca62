package progress

import "time"

// estimate is what a run has shown so far of how long things take here.
type estimate struct {
	// cores that share the CPU time of a step.
	cores int

	// usual is how long the steps that are done would have taken on these cores, and took
	// how long they did.
	usual, took time.Duration
}

// usually is how long a step takes that needs as much CPU time.
func (e estimate) usually(cpu time.Duration) time.Duration {
	return cpu / time.Duration(max(1, e.cores))
}

// done returns the estimate with a step that is done. One that needs none, such as a
// download, tells nothing of how long the others take.
func (e estimate) done(cpu, took time.Duration) estimate {
	if cpu > 0 {
		e.usual += e.usually(cpu)
		e.took += took
	}

	return e
}

// left is how long the current step, which has taken as long so far, and those after it will
// take at the pace of this run.
func (e estimate) left(current, elapsed, after time.Duration) time.Duration {
	usual := e.usually(current)

	// A step that is late already shows a slower pace, before it is done.
	if usual > 0 && elapsed > e.paced(usual) {
		e = e.done(current, elapsed)
	}

	return max(0, e.paced(usual)-elapsed) + e.paced(e.usually(after))
}

// paced turns a usual time into one at the pace of this run: a machine half as fast takes
// twice as long.
func (e estimate) paced(usual time.Duration) time.Duration {
	if e.usual == 0 {
		return usual
	}

	return time.Duration(float64(usual) * float64(e.took) / float64(e.usual))
}
