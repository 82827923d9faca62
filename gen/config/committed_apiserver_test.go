package config

import (
	"path/filepath"
	"testing"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/components"
)

// TestCommittedApplies applies every tree of this checkout. One control plane stands
// in for all clusters: only what is valid is asked here.
func TestCommittedApplies(t *testing.T) {
	c := startCluster(t, []string{
		moduleDir(t, components.CrossplaneModule) + "/cluster/crds/*.yaml",
		moduleDir(t, components.ProviderKubernetesModule) + "/package/crds/*.yaml",
		filepath.Join(moduleDir(t, components.ProwModule), components.ProwJobCRDs),
		filepath.Join(moduleDir(t, components.ExternalSecretsModule), components.ExternalSecretCRD),
		filepath.Join(moduleDir(t, components.PrometheusOperatorModule), components.ServiceMonitorCRD),
		filepath.Join(moduleDir(t, components.PrometheusOperatorModule), components.PrometheusRuleCRD),
	}, nil, environments.ProwNamespace)

	clusters, err := filepath.Glob(repository + "/deploy/konflux/*/*/environment-config.yaml")
	if err != nil || len(clusters) == 0 {
		t.Fatalf("no cluster has a tree, %v", err)
	}

	dirs := make([]string, 0, len(clusters)+2)
	dirs = append(dirs, repository+"/deploy/app.ci", repository+"/deploy/build-farm")

	for _, f := range clusters {
		dirs = append(dirs, filepath.Dir(f))
	}

	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) { c.apply(t, dir) })
	}
}
