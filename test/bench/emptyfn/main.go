// Command emptyfn is a composition function that does nothing: it answers with what
// it was sent, as the SDK serves it. What it costs is what any function costs, and
// benchmarks compare ours with it. It is no part of what is released.
package main

import (
	"context"

	"github.com/alecthomas/kong"
	"github.com/crossplane/function-sdk-go"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/response"
)

// CLI of the function. The flags are those that the SDK's template has.
type CLI struct {
	Network            string `default:"tcp"                                                                                 help:"Network on which to listen for gRPC connections."`
	Address            string `default:":9443"                                                                               help:"Address at which to listen for gRPC connections."`
	TLSCertsDir        string `env:"TLS_SERVER_CERTS_DIR"                                                                    help:"Directory containing server certs (tls.key, tls.crt) and the CA used to verify client certificates (ca.crt)."`
	Insecure           bool   `help:"Run without mTLS credentials. If you supply this flag --tls-certs-dir will be ignored."`
	MaxRecvMessageSize int    `default:"4"                                                                                   help:"Maximum size of received messages in MB."`
	MetricsAddress     string `default:":8080"                                                                               help:"Address at which to serve Prometheus metrics; empty for none."`
}

// Run serves the function until it is killed.
func (c *CLI) Run() error {
	return function.Serve(empty{},
		function.Listen(c.Network, c.Address),
		function.MTLSCertificates(c.TLSCertsDir),
		function.Insecure(c.Insecure),
		function.MaxRecvMessageSize(c.MaxRecvMessageSize*1024*1024),
		function.WithMetricsServer(c.MetricsAddress))
}

type empty struct {
	fnv1.UnimplementedFunctionRunnerServiceServer
}

// RunFunction answers with the desired state and the context that it was sent.
func (empty) RunFunction(_ context.Context, req *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	return response.To(req, response.DefaultTTL), nil
}

func main() {
	ctx := kong.Parse(&CLI{}, kong.Description("Does nothing, as fast as a function can."))
	ctx.FatalIfErrorf(ctx.Run())
}
