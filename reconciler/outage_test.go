package main

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	prowv1 "sigs.k8s.io/prow/pkg/apis/prowjobs/v1"

	v1 "github.com/ephemeral-clusters/ephemeral-clusters/api/v1"
)

// gate is the way to an API server. It takes connections and does nothing with them
// until it is opened, as a load balancer does whose backend hangs.
type gate struct {
	net.Listener

	target string

	mu   sync.Mutex
	open bool
	held []net.Conn
}

func newGate(c *clusters, server string) *gate {
	c.t.Helper()

	target := strings.TrimSuffix(strings.TrimPrefix(server, "https://"), "/")

	l, err := (&net.ListenConfig{}).Listen(c.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}

	g := &gate{Listener: l, target: target}

	c.t.Cleanup(func() {
		_ = l.Close()

		g.release()
	})

	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}

			g.take(conn)
		}
	}()

	return g
}

func (g *gate) take(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()

	if !g.open {
		g.held = append(g.held, conn)

		return
	}

	go forward(conn, g.target)
}

// release opens the gate, and ends the connections that were held.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.open = true

	for _, conn := range g.held {
		_ = conn.Close()
	}

	g.held = nil
}

func forward(conn net.Conn, target string) {
	defer func() { _ = conn.Close() }()

	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()

	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()

	_, _ = io.Copy(conn, server)
}

// beginOutage asks for a cluster whose ProwJob runs on a build cluster that hangs.
func beginOutage(c *clusters) {
	c.t.Helper()
	c.createCluster("hung", v1.Test{Workflow: "ipi-aws", ClusterProfile: "aws"})

	pj := c.runJobOn("hung", "build02")
	c.createNamespace("ci-op-hung", pj)
	c.createSecret("ci-op-hung", "cluster-provisioning", map[string][]byte{"kubeconfig": []byte(canary)})
}

// testOutage makes sure that the cluster on the hanging build cluster says so, has not
// disturbed the others, and recovers.
func testOutage(c *clusters) {
	c.t.Helper()
	c.phase("hung", v1.PhaseProvisioning, `build cluster "build02" is unavailable: its API server does not answer in time`)

	c.gate.release()
	// Watches that have failed try again after a while.
	c.patience = 2 * time.Minute
	c.phase("hung", v1.PhaseReady, "")
	c.until("the Events of an outage are there", func(ctx context.Context) (bool, error) {
		l := &corev1.EventList{}
		if err := c.app.List(ctx, l); err != nil {
			return false, err
		}

		got := map[string]int{}
		for _, e := range l.Items {
			if e.InvolvedObject.Name == "hung" {
				got[e.Reason]++
			}
		}

		return got["BuildClusterUnavailable"] == 1 && got["BuildClusterAvailable"] == 1, nil
	})

	pj := c.job("hung")
	c.tearDown("hung")
	c.signalled("hung", "ci-op-hung")
	c.endJob(pj, prowv1.SuccessState)
	c.phase("hung", v1.PhaseDeprovisioned, "prowjob state: success")
}
