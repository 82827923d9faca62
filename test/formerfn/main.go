// Command formerfn is a composition function that composes what the hand-written
// Composition composed, before there was a function of ours: the same two Objects,
// in the words of that time. Tests let the real function take over from it. It is no
// part of what is released.
package main

import (
	"github.com/alecthomas/kong"
	objectv1alpha2 "github.com/crossplane-contrib/provider-kubernetes/apis/cluster/object/v1alpha2"
	"github.com/crossplane/function-sdk-go"
	"github.com/crossplane/function-sdk-go/errors"
	"github.com/crossplane/function-sdk-go/resource/composed"
)

type cli struct {
	Debug          bool   `help:"Emit debug logs."                                   short:"d"`
	Address        string `default:":9443"                                           help:"Address at which to listen for gRPC connections."`
	TLSCertsDir    string `help:"Directory of the server's certificates."`
	MetricsAddress string `help:"Address at which to serve metrics; empty for none."`
}

// Run serves the function until it is killed.
func (c *cli) Run() error {
	if err := objectv1alpha2.SchemeBuilder.AddToScheme(composed.Scheme); err != nil {
		return errors.Wrap(err, "cannot register Objects")
	}

	return function.Serve(former{},
		function.Listen("tcp", c.Address),
		function.MTLSCertificates(c.TLSCertsDir),
		function.WithMetricsServer(c.MetricsAddress))
}

func main() {
	ctx := kong.Parse(&cli{})
	ctx.FatalIfErrorf(ctx.Run())
}
