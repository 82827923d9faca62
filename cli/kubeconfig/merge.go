package kubeconfig

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/moby/sys/atomicwriter"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
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
func (a *Access) Merge(ctx context.Context, file, name string, use bool) error {
	if err := os.MkdirAll(filepath.Dir(file), modeDir); err != nil {
		return errors.Wrapf(err, "cannot make the directory of %s", file)
	}

	unlock, err := lock(ctx, file)
	if err != nil {
		return err
	}
	defer unlock()

	cfg, err := clientcmd.LoadFromFile(file)
	if errors.Is(err, os.ErrNotExist) {
		cfg, err = clientcmdapi.NewConfig(), nil
	}

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

	return replace(file, cfg)
}

// replace writes a kubeconfig at once, to where a symbolic link leads if it is one.
func replace(file string, cfg *clientcmdapi.Config) error {
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return errors.Wrap(err, "cannot encode the kubeconfig")
	}

	target, err := filepath.EvalSymlinks(file)
	if errors.Is(err, os.ErrNotExist) {
		target, err = file, nil
	}

	if err == nil {
		err = atomicwriter.WriteFile(target, b, modeFile)
	}

	return errors.Wrapf(err, "cannot write %s", file)
}

const (
	// lockAgain is how soon to try again to lock a file.
	lockAgain = 50 * time.Millisecond

	// lockFor is how long to try. Those who lock it only read and write it.
	lockFor = 5 * time.Second
)

// lock keeps kubectl, and others who do as it does, from changing a file, and returns what
// ends that.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	path := file + ".lock"

	err = wait.PollUntilContextTimeout(ctx, lockAgain, lockFor, true, func(context.Context) (bool, error) {
		f, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_EXCL, 0)
		if errors.Is(err, os.ErrExist) {
			return false, nil
		}

		if err != nil {
			return false, err
		}

		return true, f.Close()
	})

	switch {
	case wait.Interrupted(err) && ctx.Err() == nil:
		return nil, errors.Errorf("another program is changing %s: if none is, remove %s", file, path)
	case err != nil:
		return nil, errors.Wrapf(err, "cannot lock %s", file)
	}

	return func() { _ = os.Remove(path) }, nil
}
