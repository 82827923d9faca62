//go:build linux

// Package controlplane runs Kubernetes control planes as plain processes: etcd,
// kube-apiserver and, where deletion or ServiceAccounts matter,
// kube-controller-manager. No kubelet, so Pods only exist as objects.
//
// It stands where controller-runtime's envtest could, because envtest leaves its
// processes behind when the program that started them is killed.
package controlplane

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/pki"
	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// StartTimeout is how long etcd and kube-apiserver may take to answer together.
const StartTimeout = 2 * time.Minute

// logTail is how many log lines an error quotes.
const logTail = 15

// AdminGroup is the group that may do anything.
const AdminGroup = "system:masters"

// Binaries are paths of programs.
type Binaries struct {
	Etcd      string
	APIServer string

	// ControllerManager is optional.
	ControllerManager string
}

// Options of a control plane.
type Options struct {
	// Name of the cluster, in process names and errors.
	Name string

	// Dir exists and is the control plane's own: keys, data and logs go there.
	Dir string

	// LogDir is where logs go; Dir when empty.
	LogDir string

	Group    *process.Group
	Binaries Binaries

	// Verbosity of Kubernetes' logs. Those of etcd stay as they are.
	Verbosity int

	// AuditLog writes a line per request to audit.log, metadata only.
	AuditLog bool
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	Options

	// URL of the API server.
	URL string

	ca    *pki.Authority
	admin *rest.Config
	procs []*process.Process
}

// Start starts a control plane and returns it once its API server is ready.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.LogDir == "" {
		o.LogDir = o.Dir
	}

	cp := &ControlPlane{Options: o}

	if err := cp.start(ctx); err != nil {
		cp.Stop()

		return nil, errors.Wrapf(err, "cannot start the control plane of %s", o.Name)
	}

	return cp, nil
}

func (cp *ControlPlane) start(ctx context.Context) error {
	if err := cp.writeKeys(); err != nil {
		return err
	}

	etcdURL, err := cp.startEtcd()
	if err != nil {
		return err
	}

	if err := cp.startAPIServer(etcdURL); err != nil {
		return err
	}

	kubeconfig, err := cp.Kubeconfig(cp.Name, "admin", AdminGroup)
	if err != nil {
		return err
	}

	if err := os.WriteFile(cp.AdminKubeconfig(), kubeconfig, 0o600); err != nil {
		return errors.Wrap(err, "cannot write the admin kubeconfig")
	}

	cp.admin, err = clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return errors.Wrap(err, "cannot load the admin kubeconfig")
	}

	// No control plane of a test is loaded enough for a client-side limit to help.
	cp.admin.QPS, cp.admin.Burst = -1, -1

	if err := cp.waitReady(ctx); err != nil {
		return err
	}

	if cp.Binaries.ControllerManager == "" {
		return nil
	}

	return cp.startControllerManager()
}

// Stop ends the control plane's processes; its URL refuses connections afterwards.
func (cp *ControlPlane) Stop() {
	for _, v := range slices.Backward(cp.procs) {
		v.Stop()
	}
}

// Admin returns a configuration that may do anything.
func (cp *ControlPlane) Admin() *rest.Config { return rest.CopyConfig(cp.admin) }

// AdminKubeconfig is the path of a kubeconfig that may do anything.
func (cp *ControlPlane) AdminKubeconfig() string { return filepath.Join(cp.Dir, "admin.kubeconfig") }

// Kubeconfig returns a kubeconfig for a user, who is identified by a new client
// certificate.
func (cp *ControlPlane) Kubeconfig(contextName, user string, groups ...string) ([]byte, error) {
	cert, key, err := cp.ca.Issue(pki.Subject{Name: user, Groups: groups})
	if err != nil {
		return nil, err
	}

	return cp.kubeconfig(contextName, &clientcmdapi.AuthInfo{ClientCertificateData: cert, ClientKeyData: key})
}

// TokenKubeconfig returns a kubeconfig for the bearer of a token.
func (cp *ControlPlane) TokenKubeconfig(contextName, token string) ([]byte, error) {
	return cp.kubeconfig(contextName, &clientcmdapi.AuthInfo{Token: token})
}

func (cp *ControlPlane) kubeconfig(contextName string, user *clientcmdapi.AuthInfo) ([]byte, error) {
	c := clientcmdapi.NewConfig()
	c.Clusters[contextName] = &clientcmdapi.Cluster{Server: cp.URL, CertificateAuthorityData: cp.ca.CertPEM}
	c.AuthInfos[contextName] = user
	c.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: contextName}
	c.CurrentContext = contextName

	b, err := clientcmd.Write(*c)

	return b, errors.Wrap(err, "cannot encode a kubeconfig")
}

func (cp *ControlPlane) writeKeys() error {
	ca, err := pki.NewAuthority(cp.Name)
	if err != nil {
		return err
	}

	cp.ca = ca

	// The API server is also reached by this name from inside clusters; some
	// clients ask for it.
	subject := pki.Loopback("kube-apiserver")
	subject.DNSNames = append(subject.DNSNames, "kubernetes.default.svc")

	cert, key, err := ca.Issue(subject)
	if err != nil {
		return err
	}

	// The token signing key is any key: its certificate goes unused.
	_, tokenKey, err := ca.Issue(pki.Subject{Name: "service-accounts"})
	if err != nil {
		return err
	}

	for name, b := range map[string][]byte{"ca.crt": ca.CertPEM, "apiserver.crt": cert, "apiserver.key": key, "service-accounts.key": tokenKey} {
		if err := os.WriteFile(cp.file(name), b, 0o600); err != nil {
			return errors.Wrapf(err, "cannot write %s", name)
		}
	}

	return nil
}

func (cp *ControlPlane) waitReady(ctx context.Context) error {
	client, err := rest.HTTPClientFor(cp.admin)
	if err != nil {
		return errors.Wrap(err, "cannot make an HTTP client")
	}

	ready := func(ctx context.Context) (bool, error) {
		for _, p := range cp.procs {
			select {
			case <-p.Done():
				return false, errors.Errorf("%s ended: %v\n%s", p.Name, p.Err(), process.Tail(p.Log, logTail))
			default:
			}
		}

		req, err := http.NewRequestWithContext(ctx, http.MethodGet, cp.URL+"/readyz", nil)
		if err != nil {
			return false, errors.Wrap(err, "cannot make a request")
		}

		rsp, err := client.Do(req)
		if err != nil {
			return false, nil //nolint:nilerr // Not listening yet.
		}

		_ = rsp.Body.Close()

		return rsp.StatusCode == http.StatusOK, nil
	}

	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, StartTimeout, true, ready)
	if wait.Interrupted(err) && ctx.Err() == nil {
		last := cp.procs[len(cp.procs)-1]

		return errors.Errorf("%s is not ready after %s\n%s", last.Name, StartTimeout, process.Tail(last.Log, logTail))
	}

	return err
}

func (cp *ControlPlane) run(name, path string, args ...string) error {
	p, err := cp.Group.Start(process.Command{
		Name: cp.Name + "/" + name,
		Path: path,
		Args: args,
		Dir:  cp.Dir,
		Log:  filepath.Join(cp.LogDir, cp.Name+"-"+name+".log"),
	})
	if err != nil {
		return err
	}

	cp.procs = append(cp.procs, p)

	return nil
}

func (cp *ControlPlane) file(name string) string { return filepath.Join(cp.Dir, name) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
