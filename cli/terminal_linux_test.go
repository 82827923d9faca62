package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/screen"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// terminal is a pseudo-terminal: what is written to one end is shown at the other.
type terminal struct {
	far    *os.File
	near   *os.File
	screen *screen.Screen
}

func openTerminal(t *testing.T, width, height uint16) *terminal {
	t.Helper()

	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { _ = near.Close() })

	must(t, unix.IoctlSetPointerInt(int(near.Fd()), unix.TIOCSPTLCK, 0))

	n, err := unix.IoctlGetUint32(int(near.Fd()), unix.TIOCGPTN)
	must(t, err)

	far, err := os.OpenFile("/dev/pts/"+strconv.FormatUint(uint64(n), 10), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = far.Close() })

	must(t, unix.IoctlSetWinsize(int(near.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}))

	return &terminal{near: near, far: far, screen: screen.New(int(width), int(height))}
}

// shows awaits that all of the screen is as wanted, whatever the times.
func (s *terminal) shows(t *testing.T, want string) {
	t.Helper()

	times := regexp.MustCompile(`( {2,}| after )[0-9]+s\b`)

	eventually(t, "showing", func() error {
		if diff := cmp.Diff(want, times.ReplaceAllString(s.screen.String(), "  TIME")); diff != "" {
			return errors.Errorf("-want, +got:\n%s", diff)
		}

		return s.screen.Err()
	})
}

// On a terminal, the phases are drawn over and over, and the rest is written once.
func TestTerminal(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	p := startProxy(t, k)
	k.tenant(t, "tenant-a")

	s := openTerminal(t, 100, 24)
	c := command(t, p.kubeconfig(t, "tenant-a", &clientcmdapi.AuthInfo{}), arguments("--wait")...)
	c.Stdin, c.Stdout, c.Stderr = s.far, s.far, s.far

	must(t, c.Start())

	go func() {
		b := make([]byte, 4096)

		for {
			n, err := s.near.Read(b)
			if err != nil {
				return
			}

			_, _ = s.screen.Write(b[:n])
		}
	}()

	s.shows(t, `TestPlatformCluster demo created in namespace tenant-a
  Pending  TIME
    waiting for Crossplane to take up the request
`)

	must(t, k.report(t.Context(), "tenant-a", "demo", life.Installing))
	s.shows(t, `TestPlatformCluster demo created in namespace tenant-a
  ProwJob  https://prow.ci.openshift.org/view/gs/test-platform-results/logs/ephemeralcluster-ci-run-
1/1830
  Pending  TIME
  Provisioning  TIME
    waiting for the cluster to be installed: kubeconfig not ready; ipi-aws usually takes 38m (90%
    within 47m)
`)

	// The times go on without anything that happens.
	last := regexp.MustCompile(`Provisioning +[0-9]+s`)
	before := last.FindString(s.screen.String())

	eventually(t, "going on", func() error {
		if now := last.FindString(s.screen.String()); now == before {
			return errors.Errorf("the screen still says %q", now)
		}

		return nil
	})

	must(t, k.report(t.Context(), "tenant-a", "demo", life.Ready))
	s.shows(t, `TestPlatformCluster demo created in namespace tenant-a
  ProwJob  https://prow.ci.openshift.org/view/gs/test-platform-results/logs/ephemeralcluster-ci-run-
1/1830
  Pending  TIME
  Provisioning  TIME
  Ready  TIME
    waiting for the kubeconfig: Secret "demo-secret" does not exist
`)

	// An API server that cannot be used is told of while it lasts.
	p.set(func(p *proxy) { p.token = "another" })
	p.server.CloseClientConnections()
	s.shows(t, `TestPlatformCluster demo created in namespace tenant-a
  ProwJob  https://prow.ci.openshift.org/view/gs/test-platform-results/logs/ephemeralcluster-ci-run-
1/1830
  Pending  TIME
  Provisioning  TIME
  Ready  TIME
    waiting for the kubeconfig: Secret "demo-secret" does not exist
    trying again: Unauthorized
`)

	p.set(func(p *proxy) { p.token = "" })
	must(t, k.publish(t.Context(), "tenant-a", "demo"))
	must(t, ended(c))
	s.shows(t, `TestPlatformCluster demo created in namespace tenant-a
  ProwJob  https://prow.ci.openshift.org/view/gs/test-platform-results/logs/ephemeralcluster-ci-run-
1/1830
  Pending  TIME
  Provisioning  TIME
  Ready  TIME
demo is ready  TIME; its kubeconfig is in Secret demo-secret: tpc kubeconfig demo
`)
}
