package kubeconfig

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/runtime"
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

// Encode returns a kubeconfig whose only context, of some name, is the cluster's.
func (a *Access) Encode(name string) ([]byte, error) {
	b, err := clientcmd.Write(*a.config(name))

	return b, errors.Wrap(err, "cannot encode the kubeconfig")
}

// Write makes a file whose only context, of some name, is the cluster's, in place of what
// was there. Only its owner can read it, whatever the umask is.
func (a *Access) Write(file, name string) error {
	b, err := a.Encode(name)
	if err != nil {
		return err
	}

	return put(file, b, modeFile)
}

// Merge puts access to a cluster into a kubeconfig, under a context of some name that
// has the cluster and the user to itself. What was there under that name is renewed,
// if it was put there like this, and everything else stays, as do the file's owner and mode.
// Only with use does it become the current context.
func (a *Access) Merge(ctx context.Context, file, name string, use bool) error {
	mode := os.FileMode(modeFile)

	switch info, err := os.Stat(file); {
	case err == nil && !info.Mode().IsRegular():
		return errors.Errorf("cannot merge into %s, which is not a file", file)
	case err == nil:
		mode = info.Mode().Perm()
	}

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

	a.renew(cfg, name)

	if use {
		cfg.CurrentContext = name
	}

	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return errors.Wrap(err, "cannot encode the kubeconfig")
	}

	return put(file, b, mode)
}

// renew puts into a kubeconfig what comes from the cluster. What a user may have said of it
// since it was there first stays.
func (a *Access) renew(cfg *clientcmdapi.Config, name string) {
	in := a.config(name)
	cluster, user, access := in.Clusters[name].DeepCopy(), in.AuthInfos[name].DeepCopy(), in.Contexts[name]

	if had, ok := cfg.Clusters[name]; ok {
		cluster.ProxyURL = cmp.Or(cluster.ProxyURL, had.ProxyURL)
		cluster.DisableCompression = cluster.DisableCompression || had.DisableCompression
		cluster.Extensions = kept(had.Extensions, cluster.Extensions)

		if had.Server == cluster.Server {
			cluster.TLSServerName = cmp.Or(cluster.TLSServerName, had.TLSServerName)
		}
	}

	if had, ok := cfg.AuthInfos[name]; ok {
		user.Extensions = kept(had.Extensions, user.Extensions)

		if user.Impersonate == "" {
			user.Impersonate, user.ImpersonateUID, user.ImpersonateGroups, user.ImpersonateUserExtra = had.Impersonate, had.ImpersonateUID, had.ImpersonateGroups, had.ImpersonateUserExtra
		}
	}

	if had, ok := cfg.Contexts[name]; ok {
		access.Namespace = cmp.Or(had.Namespace, access.Namespace)
		access.Extensions = kept(had.Extensions, access.Extensions)
	}

	cfg.Clusters[name], cfg.AuthInfos[name], cfg.Contexts[name] = cluster, user, access
}

// kept returns what there was, and what there is now in place of it.
func kept(had, now map[string]runtime.Object) map[string]runtime.Object {
	all := maps.Clone(had)
	if all == nil {
		return now
	}

	maps.Copy(all, now)

	return all
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
