package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crossplane/function-sdk-go"
	"github.com/crossplane/function-sdk-go/logging"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthgrpc "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// A runner is a function of the test's making.
type runner struct {
	fnv1.UnimplementedFunctionRunnerServiceServer

	run func(ctx context.Context) (*fnv1.RunFunctionResponse, error)
}

func (r runner) RunFunction(ctx context.Context, _ *fnv1.RunFunctionRequest) (*fnv1.RunFunctionResponse, error) {
	return r.run(ctx)
}

// serving starts a server, and returns it with a connection and what stops it.
func serving(t *testing.T, fn fnv1.FunctionRunnerServiceServer, grace time.Duration) (s *server, conn *grpc.ClientConn, stop func(), stopped chan error) {
	t.Helper()

	s, err := newServer(fn, logging.NewNopLogger(), grace,
		function.Listen("tcp", "127.0.0.1:0"), function.Insecure(true),
		function.MaxRecvMessageSize(4*1024*1024), function.WithMetricsServer("127.0.0.1:0"))
	if err != nil {
		t.Fatalf("newServer(...): %v", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)

	stopped = make(chan error, 1)

	go func() { stopped <- s.serve(ctx) }()

	conn, err = grpc.NewClient(s.address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = conn.Close() })

	return s, conn, cancel, stopped
}

func TestServe(t *testing.T) {
	s, conn, stop, stopped := serving(t, testFunction(), time.Minute)

	rsp, err := fnv1.NewFunctionRunnerServiceClient(conn).RunFunction(t.Context(), requestOf(fromYAML(testXR)))
	if err != nil || len(rsp.GetDesired().GetResources()) != 1 {
		t.Errorf("RunFunction(...): want one resource, got: %v, %v", rsp, err)
	}

	h, err := healthgrpc.NewHealthClient(conn).Check(t.Context(), &healthgrpc.HealthCheckRequest{})
	if err != nil || h.GetStatus() != healthgrpc.HealthCheckResponse_SERVING {
		t.Errorf("Check(...): want SERVING, got: %v, %v", h, err)
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.metLis.Addr().String()+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}

	m, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}

	body, err := io.ReadAll(m.Body)
	_ = m.Body.Close()

	const want = `grpc_server_handled_total{grpc_code="OK",grpc_method="RunFunction",grpc_service="apiextensions.fn.proto.v1.FunctionRunnerService",grpc_type="unary"} 1`
	if err != nil || !strings.Contains(string(body), want) {
		t.Errorf("GET /metrics: want %s, got: %v\n%s", want, err, body)
	}

	stop()

	if err := <-stopped; err != nil {
		t.Errorf("serve(...): %v", err)
	}
}

func TestServeFinishesCalls(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	fn := runner{run: func(context.Context) (*fnv1.RunFunctionResponse, error) {
		close(entered)
		<-leave

		return &fnv1.RunFunctionResponse{Meta: &fnv1.ResponseMeta{Tag: "finished"}}, nil
	}}

	_, conn, stop, stopped := serving(t, fn, time.Minute)
	answered := make(chan string, 1)

	go func() {
		rsp, err := fnv1.NewFunctionRunnerServiceClient(conn).RunFunction(context.Background(), &fnv1.RunFunctionRequest{})
		if err != nil {
			answered <- err.Error()

			return
		}

		answered <- rsp.GetMeta().GetTag()
	}()

	<-entered
	stop()

	select {
	case err := <-stopped:
		t.Fatalf("serve(...) ended before its call did: %v", err)
	case <-time.After(100 * time.Millisecond):
	}

	close(leave)

	if got := <-answered; got != "finished" {
		t.Errorf("A call in flight must finish, got: %s", got)
	}

	if err := <-stopped; err != nil {
		t.Errorf("serve(...): %v", err)
	}
}

func TestServeEndsStreams(t *testing.T) {
	_, conn, stop, stopped := serving(t, testFunction(), 50*time.Millisecond)

	w, err := healthgrpc.NewHealthClient(conn).Watch(t.Context(), &healthgrpc.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}

	if _, err := w.Recv(); err != nil {
		t.Fatal(err)
	}

	stop()

	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("serve(...): %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("A health watch must not keep the server from ending.")
	}
}

func TestServeRecovers(t *testing.T) {
	_, conn, _, _ := serving(t, runner{run: func(context.Context) (*fnv1.RunFunctionResponse, error) { panic("kubeconfig") }}, time.Minute) //nolint:dogsled // Only the connection matters here.

	for range 2 {
		_, err := fnv1.NewFunctionRunnerServiceClient(conn).RunFunction(t.Context(), &fnv1.RunFunctionRequest{})
		if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "kubeconfig") {
			t.Errorf("A panic must end its own call only, and not be quoted, got: %v", err)
		}
	}
}
