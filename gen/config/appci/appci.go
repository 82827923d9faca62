// Package appci generates what app.ci needs: namespaces, a credential for each
// environment or Konflux cluster, policies, and the reconciler.
package appci

import (
	"path"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// Dir is the directory of app.ci's tree.
const Dir = "app.ci"

// PoliciesFile is the file of the policies there.
const PoliciesFile = "policies.yaml"

// Files returns the tree. The CRD is a kustomization, relative to it.
func Files(f *environments.File, crd string) ([]manifest.File, error) {
	credentials := append(f.Legacy(), f.Credentials()...)

	parts := make([]part, 0, len(credentials)+4)
	parts = append(parts, part{"namespaces.yaml", namespaces(f)})

	for _, c := range credentials {
		parts = append(parts, part{c.ServiceAccount + ".yaml", append(account(c), rights(c)...)})
	}

	parts = append(parts,
		part{PoliciesFile, policies(credentials)},
		part{"reconciler-rights.yaml", reconcilerRights(f.Namespaces())},
		part{"reconciler.yaml", reconciler(f)},
	)

	files := make([]manifest.File, 0, len(parts)+1)

	for _, p := range parts {
		file, err := manifest.Objects(path.Join(Dir, p.name), p.objs...)
		if err != nil {
			return nil, err
		}

		files = append(files, file)
	}

	k, err := manifest.Kustomize(Dir, append([]string{crd}, manifest.Names(files)...))

	return append(files, k), err
}

// A part is a file of the tree.
type part struct {
	name string
	objs []any
}

// namespaces are those of EphemeralClusters, and that of their credentials.
func namespaces(f *environments.File) []any {
	names := append(f.Namespaces(), environments.CredentialsNamespace)

	objs := make([]any, 0, len(names))
	for _, ns := range names {
		objs = append(objs, manifest.Namespace(ns))
	}

	return objs
}
