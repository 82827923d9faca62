//go:build linux

package stack

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/prow/pkg/config"
	"sigs.k8s.io/prow/pkg/scheduler/strategy"
	"sigs.k8s.io/yaml"
)

// ProwConfig is the path of Prow's configuration.
func (s *Stack) ProwConfig() string {
	if s.Spread {
		return filepath.Join(s.dir("prow"), "config.yaml")
	}

	return filepath.Join(s.builder.Root, "test", "stack", "manifests", "prow-config.yaml")
}

// writeProwConfig adds an external scheduler to Prow's configuration, if there is to
// be one.
func (s *Stack) writeProwConfig() error {
	if !s.Spread {
		return nil
	}

	url, err := s.startScheduler()
	if err != nil {
		return err
	}

	b, err := os.ReadFile(filepath.Join(s.builder.Root, "test", "stack", "manifests", "prow-config.yaml"))
	if err != nil {
		return errors.Wrap(err, "cannot read Prow's configuration")
	}

	// Prow's own type would write its defaults, too.
	cfg := map[string]any{}
	if err := yaml.Unmarshal(b, &cfg); err != nil {
		return errors.Wrap(err, "cannot parse Prow's configuration")
	}

	// Prow remembers by the job's name what the scheduler has said, and jobs of one
	// pipeline have one name.
	forget := &metav1.Duration{Duration: time.Nanosecond}
	cfg["scheduler"] = config.Scheduler{Enabled: true, External: &config.ExternalScheduling{
		URL:   url,
		Cache: config.ExternalSchedulingCache{EntryTimeoutInterval: forget, CleanupInterval: forget},
	}}

	if b, err = yaml.Marshal(cfg); err != nil {
		return errors.Wrap(err, "cannot encode Prow's configuration")
	}

	return errors.Wrap(os.WriteFile(s.ProwConfig(), b, 0o600), "cannot write Prow's configuration")
}

// startScheduler answers Prow's question where to run a job: on each build cluster
// in turn. It returns its URL.
func (s *Stack) startScheduler() (string, error) {
	clusters := s.BuildClusters()
	asked := atomic.Int64{}

	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Returns at once.
	if err != nil {
		return "", errors.Wrap(err, "cannot listen for Prow's scheduler")
	}

	srv := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c := clusters[int(asked.Add(1)-1)%len(clusters)]

			if b, err := json.Marshal(strategy.SchedulingResponse{Cluster: c.Name}); err == nil {
				_, _ = w.Write(b)
			}
		}),
	}

	go srv.Serve(l) //nolint:errcheck // Ends with the stack.

	s.onStop(func() { _ = srv.Close() })

	return "http://" + l.Addr().String(), nil
}
