//go:build linux

package fn

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/crossplane/crossplane-runtime/v2/pkg/errors"
	fnv1 "github.com/crossplane/function-sdk-go/proto/v1"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"github.com/ephemeral-clusters/ephemeral-clusters/test/process"
)

// startTimeout is how long a function may take to answer its first call.
const startTimeout = 30 * time.Second

// A server is a function that runs as a process, and the one request that it is sent.
type server struct {
	name    string
	pid     int
	conn    *grpc.ClientConn
	metrics string

	request []byte

	// answer is how many bytes the verified answer has. Maps are encoded in any
	// order, so that the bytes themselves differ between equal answers.
	answer int
}

// build builds a program of this checkout.
func build(tb testing.TB, goPackage string) string {
	tb.Helper()

	program := filepath.Join(tb.TempDir(), filepath.Base(goPackage))

	cmd := exec.CommandContext(tb.Context(), "go", "build", "-o", program, goPackage)
	cmd.Dir = root

	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("cannot build %s: %v\n%s", goPackage, err, out)
	}

	return program
}

// start starts a function, and returns it with its first answer.
func start(tb testing.TB, g *process.Group, name, program string, req *fnv1.RunFunctionRequest) (*server, *fnv1.RunFunctionResponse) {
	tb.Helper()

	address, metrics, log := freeAddress(tb), freeAddress(tb), filepath.Join(tb.TempDir(), name+".log")

	p, err := g.Start(process.Command{
		Name: name, Path: program, Log: log,
		Args: []string{"--insecure", "--address=" + address, "--metrics-address=" + metrics},
	})
	if err != nil {
		tb.Fatal(err)
	}

	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { _ = conn.Close() })

	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()

	rsp, err := fnv1.NewFunctionRunnerServiceClient(conn).RunFunction(ctx, req, grpc.WaitForReady(true))
	if err != nil {
		tb.Fatalf("%s does not answer: %v\n%s", name, err, process.Tail(log, 20))
	}

	s := &server{name: name, pid: p.PID(), conn: conn, metrics: "http://" + metrics + "/metrics", answer: proto.Size(rsp)}

	if s.request, err = (proto.MarshalOptions{Deterministic: true}).Marshal(req); err != nil {
		tb.Fatal(err)
	}

	return s, rsp
}

func freeAddress(tb testing.TB) string {
	tb.Helper()

	port, err := process.FreePort()
	if err != nil {
		tb.Fatal(err)
	}

	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// call calls the function once and returns how long that took. An answer that has
// another size than the verified one is an error.
func (s *server) call(ctx context.Context) (time.Duration, error) {
	answer := []byte{}
	begin := time.Now()
	err := s.conn.Invoke(ctx, fnv1.FunctionRunnerService_RunFunction_FullMethodName, s.request, &answer, grpc.ForceCodecV2(raw{}))
	took := time.Since(begin)

	if err != nil {
		return 0, errors.Wrapf(err, "cannot call %s", s.name)
	}

	if len(answer) != s.answer {
		return 0, errors.Errorf("%s answers with %d bytes, and with %d before", s.name, len(answer), s.answer)
	}

	return took, nil
}

// raw moves messages that are bytes: to encode the request and to decode the answer
// is what a caller costs, and not the function.
type raw struct{}

// Name is that of the codec that the function knows.
func (raw) Name() string { return "proto" }

// Marshal returns a request.
func (raw) Marshal(v any) (mem.BufferSlice, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, errors.Errorf("not bytes: %T", v)
	}

	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

// Unmarshal keeps an answer.
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return errors.Errorf("not bytes: %T", v)
	}

	*b = data.Materialize()

	return nil
}

// resident is how many bytes of memory the process has.
func (s *server) resident() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.pid))
	if err != nil {
		return 0, errors.Wrapf(err, "cannot read the memory of %s", s.name)
	}

	// Pages: all, resident, ...
	pages := bytes.Fields(b)
	if len(pages) < 2 {
		return 0, errors.Errorf("cannot parse the memory of %s: %q", s.name, b)
	}

	n, err := strconv.ParseFloat(string(pages[1]), 64)

	return n * float64(os.Getpagesize()), errors.Wrapf(err, "cannot parse the memory of %s", s.name)
}

// allocated returns how many bytes and objects the process has allocated since it
// was started.
func (s *server) allocated(ctx context.Context) (size, objects float64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.metrics, http.NoBody)
	if err != nil {
		return 0, 0, errors.Wrap(err, "cannot ask for metrics")
	}

	// Compressing would allocate much more than all else that serves metrics.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")

	rsp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, 0, errors.Wrapf(err, "cannot get the metrics of %s", s.name)
	}
	defer rsp.Body.Close() //nolint:errcheck // It was read.

	found := map[string]float64{}
	body := bufio.NewReader(rsp.Body)

	for {
		m := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(body, m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return 0, 0, errors.Wrapf(err, "cannot read the metrics of %s", s.name)
		}

		found[m.GetName()] = m.GetMetric()[0].GetCounter().GetValue()
	}

	size, objects = found["go_memstats_alloc_bytes_total"], found["go_memstats_mallocs_total"]
	if size == 0 || objects == 0 {
		return 0, 0, errors.Errorf("%s has no metrics of its memory", s.name)
	}

	return size, objects, nil
}
