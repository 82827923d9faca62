package buildfarm

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/prow/pkg/kube"
)

// Kubeconfigs are the files that Prow's kubeconfig flags name.
type Kubeconfigs struct {
	File           string
	Dir            string
	Suffix         string
	ProjectedToken string

	mu   sync.Mutex
	last [sha256.Size]byte
}

// Load reads the files as Prow does.
func (k *Kubeconfigs) Load() (map[string]rest.Config, error) {
	fingerprint := k.fingerprint()

	configs, err := kube.LoadClusterConfigs(kube.NewConfig(
		kube.ConfigFile(k.File),
		kube.ConfigDir(k.Dir),
		kube.ConfigSuffix(k.Suffix),
		kube.ConfigProjectedTokenFile(k.ProjectedToken),
	))
	if err != nil {
		return nil, err
	}

	k.mu.Lock()
	k.last = fingerprint
	k.mu.Unlock()

	for alias, cfg := range configs {
		configs[alias] = tokenByFile(cfg)
	}

	return configs, nil
}

// tokenByFile leaves it to the client to read a token, which it does again and again. What
// the token was when the configuration was loaded, as in a Pod, whose kubelet renews it by
// the hour, is no part of how a cluster is reached.
func tokenByFile(cfg rest.Config) rest.Config {
	if cfg.BearerTokenFile != "" {
		cfg.BearerToken = ""
	}

	return cfg
}

// Changed compares the files with what Load last read. Prow's loader logs every
// context each time, so it is not called to find out.
func (k *Kubeconfigs) Changed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()

	return k.fingerprint() != k.last
}

func (k *Kubeconfigs) fingerprint() [sha256.Size]byte {
	h := sha256.New()

	for _, path := range k.paths() {
		h.Write([]byte(path))

		// A file that cannot be read is a change like any other.
		if b, err := os.ReadFile(path); err == nil { //nolint:gosec // The paths are flags of the one who runs this.
			h.Write(b)
		}
	}

	return [sha256.Size]byte(h.Sum(nil))
}

func (k *Kubeconfigs) paths() []string {
	if k.File == "" && k.Dir == "" {
		return clientcmd.NewDefaultClientConfigLoadingRules().GetLoadingPrecedence()
	}

	paths := []string{}
	if k.File != "" {
		paths = append(paths, k.File)
	}

	if k.Dir == "" {
		return paths
	}

	entries, err := os.ReadDir(k.Dir)
	if err != nil {
		return paths
	}

	for _, e := range entries {
		if strings.HasSuffix(e.Name(), k.Suffix) {
			paths = append(paths, filepath.Join(k.Dir, e.Name()))
		}
	}

	return paths
}
