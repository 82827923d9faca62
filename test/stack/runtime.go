//go:build linux

package stack

import (
	"context"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	pkgv1 "github.com/crossplane/crossplane/apis/v2/pkg/v1"
	pkgv1beta1 "github.com/crossplane/crossplane/apis/v2/pkg/v1beta1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// RuntimeOf returns how Crossplane would run a package: as the ImageConfig says that knows most
// of its image's name, or else as the package does. The name is the one that the image is
// published under: only here is it pulled from elsewhere.
func (s *Stack) RuntimeOf(ctx context.Context, p pkgv1.PackageWithRuntime) (*pkgv1beta1.DeploymentRuntimeConfig, error) {
	if p.GetRuntimeConfigRef() == nil {
		return nil, errors.Errorf("package %s has no runtime", p.GetName())
	}

	name := p.GetRuntimeConfigRef().Name

	l := &pkgv1beta1.ImageConfigList{}
	if err := s.Konflux.List(ctx, l); err != nil {
		return nil, errors.Wrap(err, "cannot list ImageConfigs")
	}

	known := 0

	for _, c := range l.Items {
		if c.Spec.Runtime == nil || c.Spec.Runtime.ConfigReference == nil {
			continue
		}

		for _, m := range c.Spec.MatchImages {
			if strings.HasPrefix(p.GetSource(), m.Prefix) && len(m.Prefix) > known {
				known, name = len(m.Prefix), c.Spec.Runtime.ConfigReference.Name
			}
		}
	}

	c := &pkgv1beta1.DeploymentRuntimeConfig{}
	err := s.Konflux.Get(ctx, types.NamespacedName{Name: name}, c)

	return c, errors.Wrapf(err, "cannot tell how package %s is to run", p.GetName())
}

// podOf is what a runtime configuration says of Pods, which may be nothing.
func podOf(c *pkgv1beta1.DeploymentRuntimeConfig) corev1.PodTemplateSpec {
	if d := c.Spec.DeploymentTemplate; d != nil && d.Spec != nil {
		return d.Spec.Template
	}

	return corev1.PodTemplateSpec{}
}
