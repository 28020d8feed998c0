package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// dialWithin bounds the making of a connection to one address.
const dialWithin = time.Second

// link is the connections to the server that is used at present. A client whose connection
// broke, or whose server turned out to be no master, is retired: those who are in a call of
// it may finish, and what follows gets fresh connections, perhaps to another address.
type link struct {
	opts  *Options
	life  context.Context
	place atomic.Uint32 // in opts.Addresses, of the one last connected to

	mu      sync.Mutex
	closed  bool
	retired []retired
	client  atomic.Pointer[driver.Client]
}

type retired struct {
	client *driver.Client
	at     time.Time
}

func newLink(life context.Context, opts *Options) *link {
	l := &link{opts: opts, life: life}
	l.client.Store(l.connect(opts.Connections))
	return l
}

// connect gives a client. It makes its connections when they are needed.
func (l *link) connect(connections int) *driver.Client {
	return driver.NewClient(&driver.Options{
		Addr:       l.opts.Addresses[0], // for the driver's texts: dial decides
		Dialer:     func(ctx context.Context, network, _ string) (net.Conn, error) { return l.dial(ctx, network) },
		ClientName: "roster",
		Username:   l.opts.Username,
		Password:   l.opts.Password,
		DB:         l.opts.DB,
		Protocol:   2,
		PoolSize:   connections,
		// A call that was cut off may have been done: what may be tried again is said here,
		// and not by the driver.
		MaxRetries:               -1,
		DialerRetries:            1,
		DialTimeout:              time.Duration(len(l.opts.Addresses)) * dialWithin,
		ReadTimeout:              l.opts.CallTimeout,
		WriteTimeout:             l.opts.CallTimeout,
		PoolTimeout:              l.opts.CallTimeout,
		ContextTimeoutEnabled:    true,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// dial connects to the address that was good last, or to the next that is.
func (l *link) dial(ctx context.Context, network string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.life, cancel)()
	place := l.place.Load()
	var errs []error
	for range l.opts.Addresses {
		conn, err := l.dialOne(ctx, network, l.opts.Addresses[int(place)%len(l.opts.Addresses)])
		if err == nil {
			l.place.Store(place)
			return conn, nil
		}
		errs = append(errs, err)
		place++
	}
	return nil, errors.Join(errs...)
}

func (l *link) dialOne(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	conn, err := l.opts.Dial(ctx, network, address)
	if err != nil || l.opts.TLS == nil {
		return conn, err
	}
	config := l.opts.TLS.Clone()
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address) // it was checked by Open
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tls to %s: %w", address, err)
	}
	return secure, nil
}

// retire lets go of a client's connections. next tells that its server is the wrong one.
func (l *link) retire(c *driver.Client, next bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.client.Load() != c {
		return
	}
	if next {
		l.place.Add(1)
	}
	l.client.Store(l.connect(l.opts.Connections))
	l.retired = append(l.retired, retired{c, time.Now()})
}

// bury closes clients that nobody can be in a call of any more.
func (l *link) bury() {
	l.mu.Lock()
	var dead []retired
	for len(l.retired) > 0 && time.Since(l.retired[0].at) > l.opts.CallTimeout {
		dead = append(dead, l.retired[0])
		l.retired = l.retired[1:]
	}
	l.mu.Unlock()
	for _, r := range dead {
		_ = r.client.Close() // nothing is lost with it
	}
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	_ = l.client.Load().Close()
	for _, r := range l.retired {
		_ = r.client.Close() // nothing is lost with it
	}
}

// wrongServer tells whether an answer says that another server should be asked.
func wrongServer(err error) bool {
	return serverSays(err, "READONLY") || serverSays(err, "LOADING") || serverSays(err, "MASTERDOWN") || errors.Is(err, errReplica)
}
