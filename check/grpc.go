package check

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// askGRPC makes one call of the standard health protocol. The client gets the one connection
// that was made for it, and no second.
func askGRPC(ctx context.Context, conn net.Conn, t *Target) error {
	var taken atomic.Bool
	transport := insecure.NewCredentials()
	if t.TLS {
		transport = secured{transport}
	}
	client, err := grpc.NewClient("passthrough:///check",
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if taken.Swap(true) {
				return nil, errors.New("no second connection")
			}
			return conn, nil
		}),
		grpc.WithTransportCredentials(transport),
		grpc.WithAuthority(net.JoinHostPort(t.Address, strconv.Itoa(int(t.Port)))),
		grpc.WithUserAgent("roster-check"),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithDisableHealthCheck(),
		grpc.WithMaxHeaderListSize(mostHeader),
		grpc.WithReadBufferSize(4<<10), grpc.WithWriteBufferSize(4<<10),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(mostBody)))
	if err != nil {
		return errNoGRPC
	}
	defer func() { _ = client.Close() }() // fails only where it is closed already
	answer, err := health.NewHealthClient(client).Check(ctx, &health.HealthCheckRequest{Service: t.Check.Path})
	if err != nil {
		return notServing(status.Code(err))
	}
	if answer.GetStatus() != health.HealthCheckResponse_SERVING {
		return why("not serving")
	}
	return nil
}

var errNoGRPC = why("gave no gRPC answer")

func notServing(code codes.Code) error {
	switch code {
	case codes.Unavailable:
		return errNoGRPC
	case codes.NotFound:
		return why("does not know the service to check")
	case codes.Unimplemented:
		return why("does not offer the health protocol")
	case codes.DeadlineExceeded:
		return os.ErrDeadlineExceeded // it was told when, and its clock was the first
	}
	return why("answered gRPC status " + strconv.FormatUint(uint64(code), 10))
}

// secured tells the client that its connection is TLS already.
type secured struct {
	credentials.TransportCredentials
}

func (secured) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (s secured) Clone() credentials.TransportCredentials { return s }
