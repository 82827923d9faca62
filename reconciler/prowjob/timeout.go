package prowjob

import (
	"time"

	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"
	"sigs.k8s.io/prow/pkg/config"
)

const (
	// acquisition is how long ci-operator waits for a lease or a claimed cluster.
	acquisition = 2 * time.Hour

	// installation and deprovisioning are what a slow one takes.
	installation   = time.Hour
	deprovisioning = time.Hour

	// reserve is how much later than it is due the signal to tear down may come.
	reserve = time.Hour

	// interruption is what Prow gives a job that runs into its timeout to end.
	interruption = 90 * time.Minute

	// podRunning is Prow's default for how long a pod may run.
	podRunning = 48 * time.Hour

	// longestStep is what ci-operator takes as the timeout of a step.
	longestStep = 72 * time.Hour
)

// timeouts are those of a job, and of its step that waits for the signal to tear down.
type timeouts struct {
	job  time.Duration
	step time.Duration
}

// timeoutsFor returns timeouts that a cluster does not run into which is told to tear down
// at an age, or that are the longest there can be if that is 0. The step's passes first: then
// ci-operator has the time to tear down.
func timeoutsFor(lifetime time.Duration, c *config.Config) timeouts {
	longest := podRunning
	if d := c.Plank.PodRunningTimeout; d != nil {
		longest = d.Duration
	}

	longest -= interruption

	t := timeouts{job: lifetime + acquisition + installation + reserve + deprovisioning}
	if lifetime == 0 || t.job > longest {
		t.job = longest
	}

	t.step = min(max(t.job-acquisition-installation-deprovisioning, t.job/2), longestStep)

	return t
}

// decorate sets a job's timeout.
func (t timeouts) decorate(d *prowv1.DecorationConfig) *prowv1.DecorationConfig {
	d.Timeout = &prowv1.Duration{Duration: t.job}

	return d
}
