package etcd

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/roster-sd/roster/store"
)

// link is the connection to etcd. With a user, connecting asks etcd for a token and so
// fails while it is out of reach: then it is tried again with the next call.
type link struct {
	s    *Store
	conf clientv3.Config

	mu     sync.Mutex
	client *clientv3.Client
	trying chan struct{} // closed when the attempt that runs is over; nil: none runs
	failed error         // of the last attempt

	leader *grpc.ClientConn // nil: not known, or not asked
}

// callOptions are those of calls that go past the client's own methods: wait for a
// connection, and take answers of any size, as those do.
var callOptions = []grpc.CallOption{grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(math.MaxInt32)}

func (l *link) open(s *Store) error {
	o := &s.opts
	l.s = s
	l.conf = clientv3.Config{
		Endpoints: o.Endpoints, TLS: o.TLS, Username: o.Username, Password: o.Password,
		DialTimeout: o.CallTimeout, Context: s.ctx, Logger: zap.NewNop(),
		// A connection whose other end is gone without a word is given up after these, or
		// sooner: on Linux data that nobody acknowledges ends it after the second alone.
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 2 * time.Second,
		DialOptions: append([]grpc.DialOption{grpc.WithConnectParams(grpc.ConnectParams{
			// Soon after an outage everything goes on.
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 500 * time.Millisecond},
			MinConnectTimeout: o.CallTimeout,
		})}, o.dial...),
	}
	if o.Username != "" {
		return nil
	}
	client, err := clientv3.New(l.conf) // connects later, and so never fails for want of a server
	if err != nil {
		return err
	}
	l.client = client
	return nil
}

// get gives the client, and connects if need be. Those who wait share one attempt, which
// goes on when they give up.
func (l *link) get(ctx context.Context) (*clientv3.Client, error) {
	l.mu.Lock()
	if l.client != nil {
		defer l.mu.Unlock()
		return l.client, nil
	}
	if l.trying == nil {
		if !l.s.spawn(l.try) {
			l.mu.Unlock()
			return nil, store.ErrClosed
		}
		l.trying = make(chan struct{})
	}
	trying := l.trying
	l.mu.Unlock()
	select {
	case <-trying:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client == nil {
		return nil, l.failed
	}
	return l.client, nil
}

func (l *link) try() {
	client, err := clientv3.New(l.conf)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client, l.failed = client, nil
	if err != nil {
		l.client, l.failed = nil, fmt.Errorf("connect as %q: %w", l.conf.Username, err)
	}
	close(l.trying)
	l.trying = nil
}

// leases gives the part of etcd's protocol that the renewal stream speaks.
func (l *link) leases(ctx context.Context) (pb.LeaseClient, error) {
	client, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return pb.NewLeaseClient(client.ActiveConnection()), nil
}

// watches gives the part that the feed speaks.
func (l *link) watches(ctx context.Context) (pb.WatchClient, error) {
	client, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return pb.NewWatchClient(client.ActiveConnection()), nil
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil {
		_ = l.client.Close() // it gives the error of the context that we cancelled
		l.client, l.failed = nil, store.ErrClosed
	}
}
