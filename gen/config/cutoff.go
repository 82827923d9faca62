package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/appci"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/environments"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/config/konflux"
	"github.com/ephemeral-clusters/ephemeral-clusters/gen/manifest"
)

// CutOff finds clusters that files, written in place of what is there, would cut off from
// app.ci: those whose credential would end, or could write nothing, before they have another.
func CutOff(p Paths, files []manifest.File) ([]string, error) {
	there, err := readTrees(p)
	if err != nil {
		return nil, err
	}

	become := outputs{}

	for _, f := range files {
		if name, ok := strings.CutPrefix(f.Path, filepath.ToSlash(p.Out)+"/"); ok {
			become[name] = f.Content
		}
	}

	var problems []string

	was, is := there.connections(), become.connections()
	for _, cluster := range slices.Sorted(maps.Keys(was)) {
		old := was[cluster]

		now, ok := is[cluster]
		if !ok {
			continue
		}

		lost := slices.DeleteFunc(slices.Clone(old.accounts), func(a string) bool { return slices.Contains(now.accounts, a) })

		// Whoever changes to another credential has the former until it has fetched that.
		if len(lost) > 0 && (len(lost) == len(old.accounts) || old.vaultPath != now.vaultPath) {
			problems = append(problems, fmt.Sprintf("%s would be cut off from app.ci: it may still use ServiceAccount %s, which is to serve it no more. Say whose that is in its formerCredential until the cluster is known to have the other", cluster, strings.Join(lost, ", ")))
		}
	}

	return problems, nil
}

// outputs are generated files by their paths in the output directory.
type outputs map[string][]byte

// readTrees reads what says how clusters reach app.ci.
func readTrees(p Paths) (outputs, error) {
	out := outputs{}
	root := os.DirFS(filepath.Join(p.Root, p.Out))

	for _, pattern := range []string{
		path.Join(appci.Dir, appci.PoliciesFile),
		path.Join(konflux.Dir, "*", "*", manifest.KustomizationFile),
		path.Join(konflux.Dir, "*", "*", konflux.ExternalSecretFile),
		path.Join(konflux.Dir, "*", "*", environments.BaseDir, konflux.ExternalSecretFile),
	} {
		names, err := fs.Glob(root, pattern)
		if err != nil {
			return nil, errors.Wrap(err, "cannot look for generated files")
		}

		for _, name := range names {
			if out[name], err = fs.ReadFile(root, name); err != nil {
				return nil, errors.Wrap(err, "cannot read generated file")
			}
		}
	}

	return out, nil
}

// A connection is how a cluster reaches app.ci.
type connection struct {
	vaultPath string

	// accounts that may speak for the cluster.
	accounts []string
}

// connections returns that of each cluster. Nothing is known by a file that was edited and
// cannot be read: it is written anew.
func (o outputs) connections() map[string]connection {
	out := map[string]connection{}
	accounts := o.accounts()

	for name := range o {
		dir := path.Dir(name)
		cluster := path.Base(dir)

		if path.Base(name) != manifest.KustomizationFile || cluster == environments.BaseDir {
			continue
		}

		secret, ok := o[path.Join(dir, environments.BaseDir, konflux.ExternalSecretFile)]
		if !ok {
			secret = o[path.Join(path.Dir(dir), environments.BaseDir, konflux.ExternalSecretFile)]
		}

		if vaultPath, ok := konflux.VaultPathOf(secret); ok {
			out[cluster] = connection{vaultPath: vaultPath, accounts: accounts[cluster]}
		}
	}

	return out
}

// accounts returns, by cluster, which ServiceAccounts may speak for it. The one of old is for
// a person to end.
func (o outputs) accounts() map[string][]string {
	out := map[string][]string{}

	for doc := range bytes.SplitSeq(o[path.Join(appci.Dir, appci.PoliciesFile)], []byte("\n---\n")) {
		policy := &admissionv1.ValidatingAdmissionPolicy{}
		if err := yaml.Unmarshal(doc, policy); err != nil || policy.Name != appci.OriginPolicy {
			continue
		}

		for user, clusters := range appci.ClustersIn(policy) {
			account, ok := strings.CutPrefix(user, manifest.Username(environments.CredentialsNamespace, ""))
			if !ok {
				continue
			}

			for _, c := range clusters {
				out[c] = append(out[c], account)
			}
		}
	}

	for _, a := range out {
		slices.Sort(a)
	}

	return out
}
