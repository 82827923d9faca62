package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

// arguments ask for a cluster that nothing is wrong with.
func arguments(more ...string) []string {
	return append([]string{
		"provision", "--name=demo", "--workflow=ipi-aws", "--cluster-profile=aws",
		`--releases={latest: {release: {channel: stable, version: "4.20"}}}`,
	}, more...)
}

// Nothing that happens to the API server, or to credentials of it, ends the wait for
// a cluster.
func TestSurvives(t *testing.T) {
	k := startKonflux(t, xrdtest.Claims)
	p := startProxy(t, k)

	t.Run("WatchesEnd", func(t *testing.T) {
		k.tenant(t, "watches-end")
		p.set(func(p *proxy) { p.watchesLast = 200 * time.Millisecond })
		defer p.set(func(p *proxy) { p.watchesLast = 0 })

		r := launch(t, p.kubeconfig(t, "watches-end", &clientcmdapi.AuthInfo{}), arguments("--wait")...)

		for _, stage := range []struct {
			stage life.Stage
			shown string
		}{
			{life.Accepted, "Pending: waiting for app.ci to take up the request$"},
			{life.Starting, "Provisioning: waiting for ci-operator to start: "},
			{life.Installing, "Provisioning: waiting for the cluster to be installed: "},
			{life.Ready, "Ready: waiting for the kubeconfig: "},
		} {
			must(t, k.report(t.Context(), "watches-end", "demo", stage.stage))
			r.await(t, stage.shown)

			// Whatever it has shown, it has lost the watch by which it was told.
			had := p.count()

			eventually(t, "watching again", func() error {
				if now := p.count(); now < had+3 {
					return errors.Errorf("there were %d watches, and now %d", had, now)
				}

				return nil
			})
		}

		must(t, k.publish(t.Context(), "watches-end", "demo"))
		r.exits(t, 0)

		if strings.Contains(r.out.String(), "trying again") || r.err.String() != "" {
			t.Errorf("that watches end is nothing to tell of:\n%s%s", r.out, r.err)
		}
	})

	t.Run("TokenFile", func(t *testing.T) {
		k.tenant(t, "token-file")

		file := filepath.Join(t.TempDir(), "token")
		must(t, os.WriteFile(file, []byte("first"), 0o600))
		p.set(func(p *proxy) { p.token = "first" })

		r := launch(t, p.kubeconfig(t, "token-file", &clientcmdapi.AuthInfo{TokenFile: file}), arguments("--wait")...)
		must(t, k.report(t.Context(), "token-file", "demo", life.Installing))
		r.await(t, "Provisioning: ")

		refreshToken(t, p, r, func() { must(t, os.WriteFile(file, []byte("second"), 0o600)) })
		must(t, k.report(t.Context(), "token-file", "demo", life.Ready))
		must(t, k.publish(t.Context(), "token-file", "demo"))
		r.exits(t, 0)
	})

	t.Run("LoggedInAgain", func(t *testing.T) {
		k.tenant(t, "logged-in-again")
		p.set(func(p *proxy) { p.token = "first" })

		file := p.kubeconfig(t, "logged-in-again", &clientcmdapi.AuthInfo{Token: "first"})
		r := launch(t, file, arguments("--wait")...)
		must(t, k.report(t.Context(), "logged-in-again", "demo", life.Installing))
		r.await(t, "Provisioning: ")

		refreshToken(t, p, r, func() {
			p.writeKubeconfig(t, file, "logged-in-again", &clientcmdapi.AuthInfo{Token: "second"})

			// Meanwhile the user has turned to another namespace of another cluster.
			cfg, err := clientcmd.LoadFromFile(file)
			must(t, err)

			cfg.Clusters["other"] = &clientcmdapi.Cluster{Server: "https://127.0.0.1:1"}
			cfg.Contexts["other"] = &clientcmdapi.Context{Cluster: "other", AuthInfo: "tenant", Namespace: "other"}
			cfg.CurrentContext = "other"
			cfg.Contexts["konflux"].Namespace = "other"
			must(t, clientcmd.WriteToFile(*cfg, file))
		})
		must(t, k.report(t.Context(), "logged-in-again", "demo", life.Ready))
		must(t, k.publish(t.Context(), "logged-in-again", "demo"))
		r.exits(t, 0)
	})

	p.set(func(p *proxy) { p.token = "" })

	t.Run("ExpiredBetweenCalls", func(t *testing.T) {
		k.tenant(t, "expired-between-calls")
		p.set(func(p *proxy) { p.tokenOfWatches = "second" })
		defer p.set(func(p *proxy) { p.tokenOfWatches = "" })

		file := p.kubeconfig(t, "expired-between-calls", &clientcmdapi.AuthInfo{Token: "first"})
		r := launch(t, file, arguments("--wait")...)
		r.await(t, "trying again: Unauthorized$")

		p.writeKubeconfig(t, file, "expired-between-calls", &clientcmdapi.AuthInfo{Token: "second"})
		must(t, k.report(t.Context(), "expired-between-calls", "demo", life.Ready))
		must(t, k.publish(t.Context(), "expired-between-calls", "demo"))
		r.exits(t, 0)
	})

	t.Run("Replaced", func(t *testing.T) {
		testReplaced(t, k, p)
	})

	t.Run("SchemaForbidden", func(t *testing.T) {
		k.tenant(t, "schema-forbidden")
		p.set(func(p *proxy) { p.forbidden = "/openapi" })
		defer p.set(func(p *proxy) { p.forbidden = "" })

		file := p.kubeconfig(t, "schema-forbidden", &clientcmdapi.AuthInfo{})

		r := launch(t, file, arguments("--base-images={a: {name: a, namespace: b, tag: c, tga: c}}")...)
		r.exits(t, exitUsage)

		if diff := cmp.Diff("tpc: --base-images: a.tga: unknown field\n", r.err.String()); diff != "" {
			t.Errorf("Where the schema must not be read, the API server's own words lead to the flag.\nstandard error: -want, +got:\n%s", diff)
		}

		launch(t, file, arguments()...).exits(t, 0)
	})
}

// testReplaced makes sure that a claim is not taken for another of its name, if that
// takes its place unseen.
func testReplaced(t *testing.T, k *konflux, p *proxy) {
	t.Helper()

	k.tenant(t, "replaced")

	r := launch(t, p.kubeconfig(t, "replaced", &clientcmdapi.AuthInfo{}), arguments("--wait", "--deprovision-on-failure")...)
	must(t, k.report(t.Context(), "replaced", "demo", life.Installing))
	r.await(t, "Provisioning: ")

	claims := k.claims.Namespace("replaced")

	defer p.set(func(p *proxy) { p.token = "" })

	refuse(t, p, r, "another")

	u, err := claims.Get(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)
	must(t, claims.Delete(t.Context(), "demo", metav1.DeleteOptions{}))

	u.SetUID("")
	u.SetResourceVersion("")

	_, err = claims.Create(t.Context(), u, metav1.CreateOptions{})
	must(t, err)

	p.set(func(p *proxy) { p.token = "" })
	r.exits(t, exitFailed)

	u, err = claims.Get(t.Context(), "demo", metav1.GetOptions{})
	must(t, err)

	if asked, _, _ := unstructured.NestedBool(u.Object, "spec", "tearDownCluster"); asked {
		t.Error("the other was given back, which somebody else may be using")
	}

	if diff := cmp.Diff("tpc: demo was deleted meanwhile\n", r.err.String()); diff != "" {
		t.Errorf("standard error: -want, +got:\n%s", diff)
	}
}

func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return p.watches
}

// refreshToken makes a token invalid, and has it renewed when that was noticed.
func refreshToken(t *testing.T, p *proxy, r *running, renew func()) {
	t.Helper()

	refuse(t, p, r, "second")
	renew()
}

// refuse accepts no other token than one from now on, and waits until that was noticed.
func refuse(t *testing.T, p *proxy, r *running, token string) {
	t.Helper()

	p.set(func(p *proxy) { p.token = token })
	// Watches are not asked for credentials again, until they end.
	p.server.CloseClientConnections()

	// Which attempt was cut off may be said after it.
	r.await(t, "trying again: Unauthorized( |$)")
}
