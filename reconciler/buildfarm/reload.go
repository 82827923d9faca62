package buildfarm

import (
	"context"
	"reflect"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/prow/pkg/kube"
)

// reloadInterval is how often the kubeconfig files are looked at. A Secret's mount
// takes about a minute to change.
const reloadInterval = 10 * time.Second

// Start reads the kubeconfigs again whenever they change, until the context ends.
func (f *Farm) Start(ctx context.Context) error {
	defer f.stop()

	t := f.clock.NewTicker(reloadInterval)
	defer t.Stop()

	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C():
			if f.source.Changed() {
				f.reload()
			}

			f.forget()
		}
	}
}

// NeedLeaderElection is false: a replica that waits to lead must have the current
// kubeconfigs when it does.
func (f *Farm) NeedLeaderElection() bool {
	return false
}

// reload replaces the clusters whose configuration has changed. A source that
// cannot be read changes nothing: a file may be seen half-written.
func (f *Farm) reload() {
	configs, err := f.source.Load()
	if err != nil {
		// It is tried again until it succeeds, which need not be told each time.
		if err.Error() != f.failed {
			f.failed = err.Error()
			f.metrics.KubeconfigReloaded(err)
			f.log.Error(err, "cannot reload kubeconfigs, keeping the last good ones")
		}

		return
	}

	f.failed = ""
	f.metrics.KubeconfigReloaded(nil)

	affected, infrastructure := f.swap(configs)
	f.log.Info("kubeconfigs reloaded", "affected", affected)

	if infrastructure {
		f.infrastructureChanged()
	}

	for _, alias := range affected {
		f.announce(Event{Cluster: alias})
	}
}

// swap takes new configurations and returns the clusters that are to be looked at
// again. Only those that were asked for are: before that nobody needs to hear.
func (f *Farm) swap(configs map[string]rest.Config) ([]string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()

	affected := []string{}

	for alias := range f.asked {
		old, had := f.configs[alias]
		cfg, has := configs[alias]

		if had == has && reflect.DeepEqual(old, cfg) {
			continue
		}

		affected = append(affected, alias)

		delete(f.unusable, alias)

		if c, connected := f.clusters[alias]; connected {
			c.stop()
			delete(f.clusters, alias)
		}

		// A cluster that is connected to anew has its say again. One that is gone may be
		// missed.
		if has {
			f.metrics.BuildClusterUnused(alias)
		} else {
			f.metrics.BuildClusterAvailable(alias, false)
		}
	}

	// A cluster that was known and is no longer is not an unknown one for a while: its
	// ProwJobs are kept, because it may come back.
	for alias := range f.configs {
		if _, has := configs[alias]; !has {
			f.removed[alias] = f.clock.Now()
		}
	}

	for alias := range configs {
		delete(f.removed, alias)
	}

	infrastructure := !reflect.DeepEqual(f.configs[kube.InClusterContext], configs[kube.InClusterContext])
	f.configs = configs

	return affected, infrastructure
}

// forget lets go of clusters that have been gone for so long that it is no mistake.
func (f *Farm) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()

	for alias, since := range f.removed {
		if f.clock.Since(since) >= RemovedFor {
			delete(f.removed, alias)
			f.metrics.BuildClusterUnused(alias)
		}
	}
}
