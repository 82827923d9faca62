package kubeconfig

import (
	"os"
	"path/filepath"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/moby/sys/atomicwriter"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	modeDir  = 0o700
	modeFile = 0o600
)

// DefaultFile is the file that kubectl would write to.
func DefaultFile() string {
	return clientcmd.NewDefaultPathOptions().GetDefaultFilename()
}

// Write makes a file whose only context, of some name, is the cluster's. It replaces at
// once what was there. Only its owner can read it, whatever the umask is.
func (a *Access) Write(file, name string) error {
	b, err := clientcmd.Write(*a.config(name))
	if err != nil {
		return errors.Wrap(err, "cannot encode the kubeconfig")
	}

	return errors.Wrapf(atomicwriter.WriteFile(file, b, modeFile), "cannot write %s", file)
}

// Merge puts access to a cluster into a kubeconfig, under a context of some name that
// has the cluster and the user to itself. What was there under that name is replaced,
// if it was put there like this, and everything else stays. Only with use does it
// become the current context. Afterwards only the owner can read the file.
func (a *Access) Merge(file, name string, use bool) error {
	// Before there is a credential in it.
	if err := private(file); err != nil {
		return err
	}

	rules := clientcmd.NewDefaultPathOptions()
	rules.LoadingRules.ExplicitPath = file

	cfg, err := rules.GetStartingConfig()
	if err != nil {
		return errors.Wrapf(err, "cannot read %s", file)
	}

	if c, ok := cfg.Contexts[name]; ok && (c.Cluster != name || c.AuthInfo != name) {
		return errors.Errorf("%s has a context %q already, of cluster %q: choose another with --context-name", file, name, c.Cluster)
	}

	in := a.config(name)
	cfg.Clusters[name], cfg.AuthInfos[name], cfg.Contexts[name] = in.Clusters[name], in.AuthInfos[name], in.Contexts[name]

	if use {
		cfg.CurrentContext = name
	}

	return errors.Wrapf(clientcmd.ModifyConfig(rules, *cfg, false), "cannot write %s", file)
}

// private makes sure that a file exists and that only its owner can read it.
func private(file string) error {
	if err := os.MkdirAll(filepath.Dir(file), modeDir); err != nil {
		return errors.Wrapf(err, "cannot make the directory of %s", file)
	}

	f, err := os.OpenFile(filepath.Clean(file), os.O_RDWR|os.O_CREATE, modeFile)
	if err != nil {
		return errors.Wrapf(err, "cannot write %s", file)
	}

	return errors.Wrapf(errors.Join(f.Chmod(modeFile), f.Close()), "cannot make %s private", file)
}
