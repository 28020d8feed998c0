package check

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/roster-sd/roster/store"
)

func serveGRPC(t *testing.T, register func(*grpc.Server), options ...grpc.ServerOption) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(options...)
	register(s)
	var work sync.WaitGroup
	work.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() {
		s.Stop()
		work.Wait()
	})
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func TestGRPC(t *testing.T) {
	state := grpchealth.NewServer()
	state.SetServingStatus("orders", health.HealthCheckResponse_SERVING)
	state.SetServingStatus("stopped", health.HealthCheckResponse_NOT_SERVING)
	state.SetServingStatus("unknown", health.HealthCheckResponse_UNKNOWN)
	port := serveGRPC(t, func(s *grpc.Server) { health.RegisterHealthServer(s, state) })
	p := NewProber(ProberOptions{AllowLoopback: true})
	for service, want := range map[string]string{
		"": "", "orders": "", "stopped": "not serving", "unknown": "not serving", "nobody": "does not know the service to check",
	} {
		target := target(store.CheckGRPC, port)
		target.Check.Path = service
		expect(t, p, target, want)
	}
	state.Shutdown()
	expect(t, p, target(store.CheckGRPC, port), "not serving")
	state.Resume()
	expect(t, p, target(store.CheckGRPC, port), "")

	expect(t, p, target(store.CheckGRPC, serveGRPC(t, func(*grpc.Server) {})), "does not offer the health protocol")
	expect(t, p, target(store.CheckGRPC, closed(t)), "connection refused")
}

func TestGRPCOverTLS(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, x509.Certificate{IPAddresses: loopbackIP})
	port := serveGRPC(t, func(s *grpc.Server) { health.RegisterHealthServer(s, grpchealth.NewServer()) },
		grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	target := target(store.CheckGRPC, port)
	target.TLS = true
	expect(t, NewProber(ProberOptions{AllowLoopback: true, RootCAs: ca.pool()}), target, "")
	expect(t, NewProber(ProberOptions{AllowLoopback: true, RootCAs: newAuthority(t).pool()}), target, "its certificate is not trusted")

	// A server that speaks TLS, but not HTTP/2.
	plainPort, _ := serveOn(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}}, says("HTTP/1.1 200 OK\r\n\r\n"))
	target.Port = plainPort
	expect(t, NewProber(ProberOptions{AllowLoopback: true, RootCAs: ca.pool()}), target, "gave no gRPC answer")
}

// liar answers the health protocol as it is told to.
type liar struct {
	health.UnimplementedHealthServer
	answer func(context.Context) (*health.HealthCheckResponse, error)
}

func (l liar) Check(ctx context.Context, _ *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return l.answer(ctx)
}

func TestGRPCThatLies(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"refuses":   {status.Error(codes.PermissionDenied, "secret"), "answered gRPC status 7"},
		"breaks":    {status.Error(codes.Internal, strings.Repeat("secret", 1000)), "answered gRPC status 13"},
		"is late":   {status.Error(codes.DeadlineExceeded, "secret"), "timed out after 30 s"},
		"is away":   {status.Error(codes.Unavailable, "secret"), "gave no gRPC answer"},
		"a big one": {status.Error(codes.Code(123456), "secret"), "answered gRPC status 123456"},
	} {
		t.Run(name, func(t *testing.T) {
			port := serveGRPC(t, func(s *grpc.Server) {
				health.RegisterHealthServer(s, liar{answer: func(context.Context) (*health.HealthCheckResponse, error) { return nil, c.err }})
			})
			expect(t, p, target(store.CheckGRPC, port), c.want)
		})
	}
	port := serveGRPC(t, func(s *grpc.Server) {
		health.RegisterHealthServer(s, liar{answer: func(ctx context.Context) (*health.HealthCheckResponse, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
	})
	expect(t, p, impatient(target(store.CheckGRPC, port)), "timed out after 0.05 s")
}

func TestGRPCThatIsNone(t *testing.T) {
	p := NewProber(ProberOptions{AllowLoopback: true})
	port, count := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 16))
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\nsecret")
	})
	expect(t, p, target(store.CheckGRPC, port), "gave no gRPC answer")
	if count.Load() != 1 {
		t.Errorf("%d connections", count.Load())
	}
	port, _ = serve(t, hangs(""))
	expect(t, p, impatient(target(store.CheckGRPC, port)), "timed out after 0.05 s")
}
