//go:build unix

package etcdtest

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Client gives a client of the endpoints, closed when the test ends.
func (s *Server) Client() *clientv3.Client {
	s.tb.Helper()
	return client(s, s.Addr())
}

// Do calls do with a client that is closed when it returns, which must be well.
func (s *Server) Do(do func(ctx context.Context, c *clientv3.Client) error) {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	c, err := dial(s.opts, s.Addr())
	if err != nil {
		s.tb.Fatalf("etcdtest: %v", err)
	}
	defer func() { _ = c.Close() }() // it gives the error of its own cancelled context
	if err := do(ctx, c); err != nil {
		s.tb.Fatalf("etcdtest: %v", err)
	}
}

func client(s *Server, endpoints ...string) *clientv3.Client {
	s.tb.Helper()
	c, err := dial(s.opts, endpoints...)
	if err != nil {
		s.tb.Fatalf("etcdtest: %v", err)
	}
	s.tb.Cleanup(func() { _ = c.Close() }) // it gives the error of its own cancelled context
	return c
}

func dial(o Options, endpoints ...string) (*clientv3.Client, error) {
	c, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, TLS: o.TLS, Username: o.User, Password: o.Password, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: 200 * time.Millisecond}, MinConnectTimeout: time.Second,
		})},
	})
	if err != nil {
		return nil, fmt.Errorf("open a client: %w", err)
	}
	return c, nil
}

// ready waits until the server answers a read that needs a leader.
func (s *Server) ready(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	c, err := dial(s.opts, s.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // it gives the error of its own cancelled context
	for {
		try, done := context.WithTimeout(ctx, time.Second)
		_, err := c.Get(try, "\x00", clientv3.WithKeysOnly(), clientv3.WithLimit(1))
		done()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s does not answer: %w\n%s", s.name, err, s.proc.log.tail())
		case !s.proc.running():
			return fmt.Errorf("%s ended by itself: %w\n%s", s.name, s.proc.err, s.proc.log.tail())
		}
	}
}

// leads asks the server whether it is the leader.
func (s *Server) leads(ctx context.Context) bool {
	c, err := dial(s.opts, s.Addr())
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }() // it gives the error of its own cancelled context
	st, err := c.Status(ctx, s.Addr())
	return err == nil && st.Leader != 0 && st.Leader == st.Header.MemberId
}
