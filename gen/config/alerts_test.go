package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestAlerts requires that alerts are on metrics that there are, and that the README says
// what to do about each.
func TestAlerts(t *testing.T) {
	read := func(path string) string {
		b, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			t.Fatal(err)
		}

		return string(b)
	}

	// The latter has those of libraries, as they are served.
	metrics := read("reconciler/ephemeralcluster/metrics.go") + read("reconciler/observe_test.go")
	readme := read("deploy/README.md")
	name := regexp.MustCompile(`(?:ephemeralcluster|workqueue|leader_election)_[a-z_]+`)

	p := newCheckout(t, fixture)
	generate(t, p)

	count := 0

	for doc := range strings.SplitSeq(tree(t, p, p.Out)["app.ci/reconciler.yaml"], "\n---\n") {
		rules := struct {
			Kind string `json:"kind"`
			Spec struct {
				Groups []struct {
					Rules []struct {
						Alert string `json:"alert"`
						Expr  string `json:"expr"`
					} `json:"rules"`
				} `json:"groups"`
			} `json:"spec"`
		}{}
		if err := yaml.Unmarshal([]byte(doc), &rules); err != nil {
			t.Fatal(err)
		}

		if rules.Kind != "PrometheusRule" {
			continue
		}

		for _, r := range rules.Spec.Groups[0].Rules {
			count++

			used := name.FindAllString(r.Expr, -1)
			if len(used) == 0 {
				t.Errorf("%s is on no metric: %s", r.Alert, r.Expr)
			}

			for _, m := range used {
				if m = strings.TrimSuffix(m, "_bucket"); !strings.Contains(metrics, m) {
					t.Errorf("%s is on metric %s, which there is not", r.Alert, m)
				}
			}

			if !strings.Contains(readme, "| `"+r.Alert+"` |") {
				t.Errorf("deploy/README.md does not say what to do about %s", r.Alert)
			}
		}
	}

	if count == 0 {
		t.Error("there are alerts")
	}
}
