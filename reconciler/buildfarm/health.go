package buildfarm

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// patience is how long a watch may fail before its cluster counts as unavailable.
// An API server that restarts is back sooner.
const patience = 15 * time.Second

// health is what a cluster's watches say about it.
type health struct {
	clock clock.PassiveClock

	// changed hears when the cluster becomes unavailable or available again.
	changed func(reason string)

	mu      sync.Mutex
	failing map[string]time.Time
	reason  string
}

func newHealth(c clock.PassiveClock, changed func(string)) *health {
	return &health{clock: c, changed: changed, failing: map[string]time.Time{}}
}

// observe records the outcome of a call for one of the watches.
func (h *health) observe(watch string, err error) {
	h.mu.Lock()
	before := h.reason

	if err == nil {
		delete(h.failing, watch)
	} else if _, known := h.failing[watch]; !known {
		h.failing[watch] = h.clock.Now()
	}

	if len(h.failing) == 0 {
		h.reason = ""
	}

	if since, failing := h.failing[watch]; failing && h.clock.Since(since) >= patience {
		h.reason = Describe(err)
	}

	after := h.reason
	h.mu.Unlock()

	if before != after {
		h.changed(after)
	}
}

// why is empty while the cluster is available.
func (h *health) why() string {
	h.mu.Lock()
	defer h.mu.Unlock()

	return h.reason
}
