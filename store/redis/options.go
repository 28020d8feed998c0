package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"time"

	"github.com/roster-sd/roster/store"
)

// Options opens a store. The zero value is that of a server on this host without a
// password.
type Options struct {
	// Addresses of one server, host:port, or of a master and the replicas that may take its
	// place: they are tried in turn, and the one that is the master is used. Empty:
	// 127.0.0.1:6379.
	Addresses []string
	Username  string // empty: the default user
	Password  string
	DB        int
	// TLS for the connections; nil: none. An empty ServerName is the host of the address.
	TLS *tls.Config
	// Dial makes the connections, under TLS if there is any; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Connections is how many there may be at once, beside one for the feed; zero: 32.
	Connections int

	// Prefix is the first part of every key; empty: roster. Stores with one prefix, on one
	// server and database, are the nodes of one registry.
	Prefix string
	// Node is the name of this registry node, for the reasons of events.
	Node string

	// CallTimeout bounds each call beside its context; zero: 2 s. Of a long list it bounds
	// each portion.
	CallTimeout time.Duration
	// StreamLength is how many changes are kept at least, for watchers and for History; zero:
	// 100,000. The memory for them is Redis': half a KiB to 1 KiB each with ordinary records.
	StreamLength int
	// SweepInterval is how often this node looks for leases that ran out; zero: 50 ms.
	SweepInterval time.Duration

	// Logger hears of epochs that this node begins and of jumps of Redis' clock; nil: nobody
	// does.
	Logger *slog.Logger
	// OnDisturbance hears of times in which leases may have ended wrongly: the server was
	// out of reach or restarted, lost its past, or its clock jumped. It is called before this
	// store announces anything that ended in such a time, and before any call gives what
	// the server has after it. It must not call the store.
	OnDisturbance func(store.Disturbance)

	clock func() time.Time // the monotonic clock that Redis' is compared with
	// mute is how long Redis may give no answer before watchers are told that it is out of
	// reach: within a second, so that a view can be shown as stale.
	mute time.Duration
}

var prefix = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,64}$`)

// filled gives the options with defaults in place of what is zero, or an error that names
// what is wrong with them.
func (o Options) filled() (Options, error) {
	if len(o.Addresses) == 0 {
		o.Addresses = []string{"127.0.0.1:6379"}
	}
	for _, a := range o.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return o, fmt.Errorf("open redis: address %q: want host:port", a)
		}
	}
	if o.Prefix == "" {
		o.Prefix = "roster"
	}
	if !prefix.MatchString(o.Prefix) {
		return o, fmt.Errorf("open redis: prefix %q: want 1 to 64 of A-Z, a-z, 0-9 and . _ : / -", o.Prefix)
	}
	if o.DB < 0 {
		return o, errors.New("open redis: the number of a database cannot be less than 0")
	}
	if o.CallTimeout < 0 || o.SweepInterval < 0 || o.StreamLength < 0 || o.Connections < 0 {
		return o, errors.New("open redis: times, lengths and numbers cannot be less than 0")
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	}
	if o.Connections == 0 {
		o.Connections = 32
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = 2 * time.Second
	}
	if o.StreamLength == 0 {
		o.StreamLength = 100_000
	}
	if o.SweepInterval == 0 {
		o.SweepInterval = 50 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnDisturbance == nil {
		o.OnDisturbance = func(store.Disturbance) {}
	}
	if o.mute == 0 {
		o.mute = 900 * time.Millisecond
	}
	if o.clock == nil {
		o.clock = time.Now
	}
	return o, nil
}
