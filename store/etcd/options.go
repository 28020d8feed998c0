package etcd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/roster-sd/roster/store"
)

// Options opens a store. Endpoints must be given; the zero value of all else is good.
type Options struct {
	// Endpoints are the client URLs of members of one cluster, such as
	// https://etcd-1:2379. Without a scheme: http, or https if TLS is given.
	Endpoints []string
	// Username and Password are of an etcd user; both or neither.
	Username, Password string
	// TLS is how to connect to https endpoints; nil: the system's authorities.
	TLS *tls.Config
	// Prefix begins all keys. It begins and ends with a slash; empty: /roster/.
	Prefix string
	// Node is the name of this registry node, for the reasons of events.
	Node string
	// CallTimeout bounds each call beside its context; zero: 2 s. Of a long List it bounds
	// each page.
	CallTimeout time.Duration
	// Silence is how long etcd may give no answer before watchers are told that it is out
	// of reach; zero: 1 s.
	Silence time.Duration
	// HistoryEvents is how many events are kept in memory for watchers and History; zero:
	// 16,384. A watcher that is further behind gets ErrCompacted. It is also how many
	// revisions of etcd are looked through for events from before this process.
	HistoryEvents int
	// MinTTL is the shortest TTL that clients are promised. [Store.Check] warns where etcd
	// does not grant it.
	MinTTL time.Duration
	// Logger hears of new epochs, lost streams and the like; nil: nobody does.
	Logger *slog.Logger
	// OnDisturbance hears of times in which etcd may have ended leases wrongly: changes of
	// leader, and silence. It is called before any deletion that came after is announced,
	// must be quick, and must not call the store. Calls may come at the same time.
	OnDisturbance func(store.Disturbance)

	dial []grpc.DialOption // of tests
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "/roster/"
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = 2 * time.Second
	}
	if o.Silence <= 0 {
		o.Silence = time.Second
	}
	if o.HistoryEvents <= 0 {
		o.HistoryEvents = 16_384
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnDisturbance == nil {
		o.OnDisturbance = func(store.Disturbance) {}
	}
	endpoints := make([]string, len(o.Endpoints))
	for i, e := range o.Endpoints {
		if endpoints[i] = e; !strings.Contains(e, "://") {
			endpoints[i] = "http://" + e
			if o.TLS != nil {
				endpoints[i] = "https://" + e
			}
		}
	}
	o.Endpoints = endpoints
	return o
}

// check finds everything that is wrong with the options.
func (o Options) check() error {
	var errs []error
	if len(o.Endpoints) == 0 {
		errs = append(errs, errors.New("no endpoints"))
	}
	for _, e := range o.Endpoints {
		if u, err := url.Parse(e); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" {
			errs = append(errs, fmt.Errorf("endpoint %q is not http://host:port or https://host:port", e))
		} else if u.Scheme == "http" && o.TLS != nil {
			errs = append(errs, fmt.Errorf("endpoint %q would not use the TLS settings given", e))
		}
	}
	if (o.Username == "") != (o.Password == "") {
		errs = append(errs, errors.New("username and password are given together or not at all"))
	}
	if len(o.Prefix) < 2 || !strings.HasPrefix(o.Prefix, "/") || !strings.HasSuffix(o.Prefix, "/") {
		errs = append(errs, fmt.Errorf("prefix %q does not begin and end with a slash", o.Prefix))
	}
	return errors.Join(errs...)
}
