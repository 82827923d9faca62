// Command function-testplatform-cluster is the composition function that makes an
// EphemeralCluster on app.ci of a TestPlatformCluster, and reports it back.
package main

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/crossplane/function-sdk-go"
	"github.com/crossplane/function-sdk-go/errors"

	"github.com/ephemeral-clusters/ephemeral-clusters/internal/version"
)

// CLI of the function. The flags are those that Crossplane's function runtime and
// its developers' tools expect.
type CLI struct {
	Debug   bool             `help:"Emit debug logs in addition to info logs." short:"d"`
	Version kong.VersionFlag `help:"Print the version and exit."`

	Network            string        `default:"tcp"                                                                                 help:"Network on which to listen for gRPC connections."`
	Address            string        `default:":9443"                                                                               help:"Address at which to listen for gRPC connections."`
	TLSCertsDir        string        `env:"TLS_SERVER_CERTS_DIR"                                                                    help:"Directory containing server certs (tls.key, tls.crt) and the CA used to verify client certificates (ca.crt)."`
	Insecure           bool          `help:"Run without mTLS credentials. If you supply this flag --tls-certs-dir will be ignored."`
	MaxRecvMessageSize int           `default:"4"                                                                                   help:"Maximum size of received messages in MB."`
	MetricsAddress     string        `default:":8080"                                                                               help:"Address at which to serve Prometheus metrics; empty for none."`
	ShutdownGrace      time.Duration `default:"25s"                                                                                 help:"How long calls in flight may take to finish once told to stop."`
}

// Run the function until it is told to stop.
func (c *CLI) Run() error {
	log, err := function.NewLogger(c.Debug)
	if err != nil {
		return errors.Wrap(err, "cannot make a logger")
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	fn, err := newFunction(log)
	if err != nil {
		return err
	}

	s, err := newServer(fn, log, c.ShutdownGrace,
		function.Listen(c.Network, c.Address),
		function.MTLSCertificates(c.TLSCertsDir),
		function.Insecure(c.Insecure),
		function.MaxRecvMessageSize(c.MaxRecvMessageSize*1024*1024),
		function.WithMetricsServer(c.MetricsAddress))
	if err != nil {
		return err
	}

	log.Info("serving", "address", s.address(), "metrics", c.MetricsAddress)

	return s.serve(ctx)
}

func main() {
	ctx := kong.Parse(&CLI{},
		kong.Description("Makes an EphemeralCluster on app.ci of a TestPlatformCluster."),
		kong.Vars{"version": version.String()},
	)
	ctx.FatalIfErrorf(ctx.Run())
}
