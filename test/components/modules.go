package components

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Modules whose files a stack installs: CRDs, and the Helm chart of Crossplane.
const (
	CrossplaneModule         = "github.com/crossplane/crossplane/v2"
	ProviderKubernetesModule = "github.com/crossplane-contrib/provider-kubernetes"
	ProwModule               = "sigs.k8s.io/prow"
	ExternalSecretsModule    = "github.com/external-secrets/external-secrets" //nolint:gosec // No credential, but a module.
	PrometheusOperatorModule = "github.com/prometheus-operator/prometheus-operator"
)

// ProwJobCRDs and the like are the files of CRDs that the generated manifests rely
// on, below their modules' directories.
const (
	ProwJobCRDs       = "config/prow/cluster/prowjob-crd/prowjob_customresourcedefinition.yaml"
	ExternalSecretCRD = "config/crds/bases/external-secrets.io_externalsecrets.yaml" //nolint:gosec // No credential, but a file.
	ServiceMonitorCRD = "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"
	PrometheusRuleCRD = "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"

	// ExternalSecretsCRDs are all that the External Secrets operator itself needs.
	ExternalSecretsCRDs = "config/crds/bases/*external-secrets.io_*.yaml" //nolint:gosec // Nor these.
)

// ModuleDir returns the directory of a module's sources, downloading it if need be:
// at the version that its program is built from or, if none is, that its CRDs are
// taken from.
func (b *Builder) ModuleDir(ctx context.Context, module string) (string, error) {
	requiring := b.requiring(module)

	dir, err := goList(ctx, requiring, "{{.Dir}}", module)
	if err != nil || dir != "" {
		return dir, err
	}

	if out, err := goCommand(ctx, requiring, "mod", "download", module).CombinedOutput(); err != nil {
		return "", errors.Wrapf(err, "cannot download module %s\n%s", module, out)
	}

	return goList(ctx, requiring, "{{.Dir}}", module)
}

// ModuleVersion returns that version of a module.
func (b *Builder) ModuleVersion(ctx context.Context, module string) (string, error) {
	return goList(ctx, b.requiring(module), "{{.Version}}", module)
}

// requiring is the directory of the Go module that requires another one.
func (b *Builder) requiring(module string) string {
	for _, c := range slices.Concat(Stack(), Credentials()) {
		if c.Module == module {
			return b.toolDir(c.Tool)
		}
	}

	return filepath.Join(b.Root, "test", "components", "crds")
}
