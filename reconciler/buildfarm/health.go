package buildfarm

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// patience is how long a watch may fail before its cluster counts as
	// unavailable. An API server that restarts is back sooner.
	patience = 15 * time.Second

	// reasonSilent is why a cluster is unavailable that neither answers nor refuses to.
	reasonSilent = "its API server does not answer in time"
)

// health is what a cluster's watches say about it.
type health struct {
	clock clock.PassiveClock

	// changed hears when the cluster becomes unavailable or available again.
	changed func(reason string)

	mu      sync.Mutex
	began   time.Time
	synced  bool
	stopped bool
	failing map[string]failure
	reason  string
}

// failure of a watch.
type failure struct {
	since  time.Time
	reason string
}

func newHealth(c clock.PassiveClock, changed func(string)) *health {
	return &health{clock: c, changed: changed, began: c.Now(), failing: map[string]failure{}}
}

// observe records the outcome of a call for one of the watches.
func (h *health) observe(watch string, err error) {
	h.mu.Lock()

	// Watches that were stopped end with errors that say nothing of the cluster.
	if h.stopped {
		h.mu.Unlock()

		return
	}

	before := h.reason

	if err == nil {
		delete(h.failing, watch)
	} else {
		failed, known := h.failing[watch]
		if !known {
			failed.since = h.clock.Now()
		}

		failed.reason = Describe(err)
		h.failing[watch] = failed
	}

	h.conclude()
	after := h.reason
	h.mu.Unlock()

	if before != after {
		h.changed(after)
	}
}

// conclude finds the reason. Watches may fail with different words, of which one speaks
// for all, so that the reason stays the same while nothing changes.
func (h *health) conclude() {
	if len(h.failing) == 0 {
		h.reason = ""

		return
	}

	for _, watch := range slices.Sorted(maps.Keys(h.failing)) {
		if failed := h.failing[watch]; h.clock.Since(failed.since) >= patience {
			h.reason = failed.reason

			return
		}
	}
}

// sync records that all watches have seen what there is.
func (h *health) sync() {
	h.mu.Lock()
	h.synced = true
	h.mu.Unlock()
}

// stop ends the record.
func (h *health) stop() {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
}

// why is empty while the cluster is available, or may turn out to be.
func (h *health) why() string {
	h.mu.Lock()
	defer h.mu.Unlock()

	if h.reason == "" && !h.synced && h.clock.Since(h.began) >= patience {
		return reasonSilent
	}

	return h.reason
}
