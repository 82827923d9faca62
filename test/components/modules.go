package components

import (
	"context"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
)

// Modules whose files, beside their programs, a stack installs: CRDs, and the
// Helm chart of Crossplane.
const (
	CrossplaneModule         = "github.com/crossplane/crossplane/v2"
	ProviderKubernetesModule = "github.com/crossplane-contrib/provider-kubernetes"
	ProwModule               = "sigs.k8s.io/prow"
)

// ModuleDir returns the directory of a module's sources, at the version that its
// program is built from, downloading it if need be.
func (b *Builder) ModuleDir(ctx context.Context, module string) (string, error) {
	for _, c := range Stack() {
		if c.Module != module {
			continue
		}

		dir, err := b.goList(ctx, c.Tool, "{{.Dir}}", module)
		if err != nil || dir != "" {
			return dir, err
		}

		if out, err := goCommand(ctx, b.toolDir(c.Tool), "mod", "download", module).CombinedOutput(); err != nil {
			return "", errors.Wrapf(err, "cannot download module %s\n%s", module, out)
		}

		return b.goList(ctx, c.Tool, "{{.Dir}}", module)
	}

	return "", errors.Errorf("no component is part of module %s", module)
}

// ModuleVersion returns the version of a module that its program is built from.
func (b *Builder) ModuleVersion(ctx context.Context, module string) (string, error) {
	for _, c := range Stack() {
		if c.Module == module {
			return b.goList(ctx, c.Tool, "{{.Version}}", module)
		}
	}

	return "", errors.Errorf("no component is part of module %s", module)
}
