//go:build linux

package stack

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// crossplaneRights returns the ServiceAccounts, ClusterRoles and bindings of
// Crossplane's Helm chart: the rights that it has in production.
func crossplaneRights(crossplaneModule string) ([]client.Object, error) {
	chart, err := loader.LoadDir(filepath.Join(crossplaneModule, "cluster", "charts", "crossplane"))
	if err != nil {
		return nil, errors.Wrap(err, "cannot load Crossplane's Helm chart")
	}

	values, err := chartutil.ToRenderValues(chart, nil, chartutil.ReleaseOptions{Name: "crossplane", Namespace: crossplaneNamespace}, nil)
	if err != nil {
		return nil, errors.Wrap(err, "cannot prepare the values of Crossplane's Helm chart")
	}

	files, err := engine.Render(chart, values)
	if err != nil {
		return nil, errors.Wrap(err, "cannot render Crossplane's Helm chart")
	}

	var rights []client.Object

	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}

		objs, err := parseObjects([]byte(files[name]))
		if err != nil {
			return nil, errors.Wrapf(err, "cannot read %s of Crossplane's Helm chart", name)
		}

		for _, o := range objs {
			switch o.GetObjectKind().GroupVersionKind().Kind {
			case "ServiceAccount":
				o.SetNamespace(crossplaneNamespace)

				rights = append(rights, o)
			case "ClusterRole", "ClusterRoleBinding":
				rights = append(rights, o)
			}
		}
	}

	return rights, nil
}
