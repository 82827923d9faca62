//go:build linux

package controlplane

import (
	"os"
	"strconv"
	"strings"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// startEtcd starts etcd without syncing to disk: no data of ours must survive a
// power cut.
func (cp *ControlPlane) startEtcd() (string, error) {
	client, err := process.FreePort()
	if err != nil {
		return "", err
	}

	peer, err := process.FreePort()
	if err != nil {
		return "", err
	}

	clientURL, peerURL := "http://"+loopback(client), "http://"+loopback(peer)

	return clientURL, cp.run("etcd", cp.Binaries.Etcd,
		"--name=default",
		// Never debug: there etcd logs every request as it applies it, with the values
		// of all Secrets.
		"--log-level=info",
		"--data-dir="+cp.file("etcd"),
		"--unsafe-no-fsync",
		"--listen-client-urls="+clientURL,
		"--advertise-client-urls="+clientURL,
		"--listen-peer-urls="+peerURL,
		"--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL,
	)
}

// maxAuditLog, in MB, is never reached.
const maxAuditLog = 1 << 20

// apiServerProcess is the API server's name, after that of its cluster.
const apiServerProcess = "kube-apiserver"

func (cp *ControlPlane) startAPIServer(etcdURL string) error {
	port, err := process.FreePort()
	if err != nil {
		return err
	}

	cp.URL = "https://" + loopback(port)

	args := []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--tls-cert-file=" + cp.file("apiserver.crt"),
		"--tls-private-key-file=" + cp.file("apiserver.key"),
		"--client-ca-file=" + cp.file("ca.crt"),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + cp.file("service-accounts.key"),
		"--service-account-signing-key-file=" + cp.file("service-accounts.key"),
		"--service-cluster-ip-range=10.0.0.0/24",
		// Endpoints may not be loopback addresses, and nothing looks this one up.
		"--endpoint-reconciler-type=none",
		"--allow-privileged=true",
		"--profiling=false",
		"--v=" + strconv.Itoa(cp.Verbosity),
	}

	if cp.AuditLog {
		if err := cp.writeAuditPolicy(); err != nil {
			return err
		}

		args = append(args, "--audit-policy-file="+cp.file("audit-policy.yaml"), "--audit-log-path="+cp.AuditLogFile(),
			// Rotated, it would no longer tell everything.
			"--audit-log-maxsize="+strconv.Itoa(maxAuditLog))
	}

	return cp.run(apiServerProcess, cp.Binaries.APIServer, args...)
}

// AuditLogFile is where requests are written down, when Options ask for it.
func (cp *ControlPlane) AuditLogFile() string { return cp.file("audit.log") }

func (cp *ControlPlane) writeAuditPolicy() error {
	b, err := yaml.Marshal(auditv1.Policy{
		TypeMeta: metav1.TypeMeta{APIVersion: auditv1.SchemeGroupVersion.String(), Kind: "Policy"},
		Rules:    []auditv1.PolicyRule{{Level: auditv1.LevelMetadata}},
	})
	if err != nil {
		return errors.Wrap(err, "cannot encode the audit policy")
	}

	return errors.Wrap(os.WriteFile(cp.file("audit-policy.yaml"), b, 0o600), "cannot write the audit policy")
}

// controllers are those of kube-controller-manager that matter without nodes.
func controllers() []string {
	return []string{
		"clusterrole-aggregation-controller",
		"garbage-collector-controller",
		"namespace-controller",
		"resourcequota-controller",
		"root-ca-certificate-publisher-controller",
		"serviceaccount-controller",
		"serviceaccount-token-controller",
	}
}

func (cp *ControlPlane) startControllerManager() error {
	const user = "system:kube-controller-manager"

	kubeconfig, err := cp.Kubeconfig(cp.Name, user)
	if err != nil {
		return err
	}

	path := cp.file("kube-controller-manager.kubeconfig")
	if err := os.WriteFile(path, kubeconfig, 0o600); err != nil {
		return errors.Wrap(err, "cannot write kube-controller-manager's kubeconfig")
	}

	return cp.run("kube-controller-manager", cp.Binaries.ControllerManager,
		"--kubeconfig="+path,
		"--authentication-kubeconfig="+path,
		"--authorization-kubeconfig="+path,
		"--bind-address=127.0.0.1",
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials",
		"--service-account-private-key-file="+cp.file("service-accounts.key"),
		"--root-ca-file="+cp.file("ca.crt"),
		"--controllers="+strings.Join(controllers(), ","),
		"--v="+strconv.Itoa(cp.Verbosity),
	)
}
