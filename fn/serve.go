package main

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/crossplane/function-sdk-go"
	"github.com/crossplane/function-sdk-go/errors"
	"github.com/crossplane/function-sdk-go/logging"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"github.com/crossplane/function-sdk-go/proto/v1beta1"
	grpcprometheus "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// A server serves the function. It takes the SDK's options, but unlike the SDK's
// own it lets calls in flight finish when it is stopped.
type server struct {
	grpc    *grpc.Server
	lis     net.Listener
	health  *health.Server
	metrics *http.Server
	metLis  net.Listener
	grace   time.Duration
}

func newServer(fn fnv1.FunctionRunnerServiceServer, log logging.Logger, grace time.Duration, opts ...function.ServeOption) (*server, error) {
	so := &function.ServeOptions{}
	for _, o := range opts {
		if err := o(so); err != nil {
			return nil, errors.Wrap(err, "cannot use an option")
		}
	}

	if so.Credentials == nil {
		return nil, errors.New("no credentials: set --tls-certs-dir or --insecure")
	}

	calls := grpcprometheus.NewServerMetrics(grpcprometheus.WithServerHandlingTimeHistogram())

	s := &server{
		grpc: grpc.NewServer(
			grpc.MaxRecvMsgSize(so.MaxRecvMsgSize),
			grpc.Creds(so.Credentials),
			grpc.ChainUnaryInterceptor(calls.UnaryServerInterceptor(), recoverPanic(log)),
		),
		health: health.NewServer(),
		grace:  grace,
	}

	reflection.Register(s.grpc)
	fnv1.RegisterFunctionRunnerServiceServer(s.grpc, fn)
	v1beta1.RegisterFunctionRunnerServiceServer(s.grpc, function.ServeBeta(fn))
	healthgrpc.RegisterHealthServer(s.grpc, s.health)

	lc := &net.ListenConfig{}

	var err error
	if s.lis, err = lc.Listen(context.Background(), so.Network, so.Address); err != nil {
		return nil, errors.Wrapf(err, "cannot listen for %s connections at %q", so.Network, so.Address)
	}

	if so.MetricsAddress == "" {
		return s, nil
	}

	calls.InitializeMetrics(s.grpc)

	reg := prometheus.NewRegistry()
	reg.MustRegister(calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))

	s.metrics = &http.Server{Handler: mux, ReadHeaderTimeout: 30 * time.Second}

	if s.metLis, err = lc.Listen(context.Background(), "tcp", so.MetricsAddress); err != nil {
		_ = s.lis.Close()

		return nil, errors.Wrapf(err, "cannot listen for metrics at %q", so.MetricsAddress)
	}

	return s, nil
}

// address is where the server listens.
func (s *server) address() string { return s.lis.Addr().String() }

// serve until the context is done, and then until no call is in flight.
func (s *server) serve(ctx context.Context) error {
	if s.metrics != nil {
		go s.metrics.Serve(s.metLis) //nolint:errcheck // It ends by being closed.

		defer s.metrics.Close() //nolint:errcheck // The process ends.
	}

	stopped := make(chan struct{})

	go func() {
		defer close(stopped)

		<-ctx.Done()
		s.health.Shutdown()

		// Streams, such as a health watch, do not end by themselves.
		t := time.AfterFunc(s.grace, s.grpc.Stop)
		defer t.Stop()

		s.grpc.GracefulStop()
	}()

	if err := s.grpc.Serve(s.lis); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return errors.Wrap(err, "cannot serve gRPC connections")
	}

	<-stopped

	return nil
}

// recoverPanic keeps one request that the function cannot bear from ending the calls
// of all others. The panic's value may quote the request and is not logged.
func recoverPanic(log logging.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (rsp any, err error) {
		defer func() {
			if recover() != nil {
				log.Info("recovered from a panic", "method", info.FullMethod, "stack", string(debug.Stack()))
				rsp, err = nil, status.Error(codes.Internal, "the function panicked")
			}
		}()

		return next(ctx, req)
	}
}
