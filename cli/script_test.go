package main

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/life"
	"github.com/ephemeral-clusters/ephemeral-clusters/cli/internal/xrdtest"
)

var update = flag.Bool("update", false, "Write what is printed to the scripts.")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tpc": main, "kubectl-tpc": main})
}

// The scripts tell what the commands are for. Each has a namespace of its own, and no
// more rights than a tenant.
func TestScripts(t *testing.T) {
	// Whoever runs the tests may ignore the end of a terminal. A program that is started by
	// one that does not has the default.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(signals) })

	for _, api := range xrdtest.APIs() {
		t.Run(string(api), func(t *testing.T) {
			k := startKonflux(t, api)

			testscript.Run(t, testscript.Params{
				Dir:                 filepath.Join("testdata", "script"),
				UpdateScripts:       *update,
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup:               func(env *testscript.Env) error { return setUp(t, k, env) },
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"exits":     exits,
					"start":     start,
					"await":     await,
					"finish":    finish,
					"interrupt": interrupt,
					"hangup":    hangup,
					"mode":      mode,
					"holds":     holds,
					"says":      says,
					"claim":     claim,
					"secret":    secret,
					"dump":      dump,
					"delete":    remove,
					"edit":      edit,
					"crossplane": func(ts *testscript.TestScript, neg bool, args []string) {
						wants(ts, !neg && len(args) == 2, "crossplane NAME STAGE")
						s := in(ts)
						ts.Check(s.konflux.report(context.Background(), s.namespace, args[0], life.Stage(args[1])))
					},
					"publish": func(ts *testscript.TestScript, neg bool, args []string) {
						wants(ts, !neg && len(args) == 1, "publish NAME")
						s := in(ts)
						ts.Check(s.konflux.publish(context.Background(), s.namespace, args[0]))
					},
				},
			})
		})
	}
}

// script is what commands know of the script they are in.
type script struct {
	konflux   *konflux
	namespace string
	started   map[string]*process
}

// process is a tpc that was started, and what it prints to files.
type process struct {
	cmd    *exec.Cmd
	args   []string
	stdout string
	stderr string
}

type scriptKey struct{}

func in(ts *testscript.TestScript) *script {
	s, ok := ts.Value(scriptKey{}).(*script)
	if !ok {
		ts.Fatalf("the script was not set up")
	}

	return s
}

func wants(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func setUp(t *testing.T, k *konflux, env *testscript.Env) error {
	t.Helper()

	// The directory is named script-NAME.
	namespace := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
	kubeconfig := filepath.Join(env.WorkDir, "konflux.kubeconfig")

	b, err := k.tenant(t, namespace).KubeConfig()
	if err != nil {
		return err
	}

	cfg, err := clientcmd.Load(b)
	if err != nil {
		return err
	}

	for _, c := range cfg.Contexts {
		c.Namespace = namespace
	}

	env.Values[scriptKey{}] = &script{konflux: k, namespace: namespace, started: map[string]*process{}}
	env.Setenv("HOME", env.WorkDir)
	env.Setenv(coverDir, env.Getenv("TMPDIR"))
	env.Setenv("KUBECONFIG", kubeconfig)
	env.Setenv("NAMESPACE", namespace)

	return clientcmd.WriteToFile(*cfg, kubeconfig)
}
