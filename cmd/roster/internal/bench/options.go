package bench

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// The operations.
const (
	Register   = "register"
	Heartbeat  = "heartbeat"
	Heartbeats = "heartbeats"
	Resolve    = "resolve"
	List       = "list"
	Watch      = "watch"
	Mixed      = "mixed"
)

// Operations gives all of them.
func Operations() []string {
	return []string{Register, Heartbeat, Heartbeats, Resolve, List, Watch, Mixed}
}

// Target is a node of the registry.
type Target struct {
	Address string      // host:port
	TLS     *tls.Config // nil: plain HTTP
}

// NewTarget makes a target of a base URL, such as https://host:port. config is for https.
func NewTarget(base string, config *tls.Config) (Target, error) {
	u, err := url.Parse(base)
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", base, err)
	}
	port := u.Port()
	if u.Scheme != "https" {
		if port == "" {
			port = "80"
		}
		return Target{Address: hostPort(u.Hostname(), port)}, nil
	}
	if port == "" {
		port = "443"
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	config = config.Clone()
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	return Target{Address: hostPort(u.Hostname(), port), TLS: config}, nil
}

// Options says what to measure, where, and how long.
type Options struct {
	Operation string
	Targets   []Target // nodes of one registry, of which connections take one after the other
	// Metrics is the base URL of the server whose /metrics are read before and after; empty:
	// they are not. HTTP reads them; nil: the default client.
	Metrics string
	HTTP    *http.Client

	Name        string // begins the names of the services, and the IDs of the instances
	Instances   int
	Services    int
	Connections int           // of the operation
	Batch       int           // heartbeats a request
	Watchers    int           // of Watch and Mixed
	Resolvers   int           // connections that resolve, of Mixed
	Rate        float64       // operations a second; 0: a closed loop. Of Watch: changes, of Mixed: resolves
	Churn       float64       // instances a second that leave and come back, of Mixed
	Duration    time.Duration // of the measurement. Register ends before, when all are registered
	TTL         time.Duration // of the instances
}

// Limits of the options.
const (
	MaxInstances   = 9_999_999
	MaxServices    = 99_999
	MaxConnections = 60_000
	minTTL         = 2 * time.Second
)

// ErrOptions is the kind of error of options that cannot be.
var ErrOptions = errors.New("options")

// Validate tells what is wrong with the options, all at once. Its errors are of the kind
// [ErrOptions].
func (o *Options) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	count := func(flag string, n, least, most int) {
		if n < least || n > most {
			bad("--%s %d: want %d to %d", flag, n, least, most)
		}
	}
	if !slices.Contains(Operations(), o.Operation) {
		bad("operation %q: want one of %s", o.Operation, strings.Join(Operations(), ", "))
	}
	if len(o.Targets) == 0 {
		bad("no registry to measure")
	}
	if !registry.ValidService(o.Name+"-0000-00000") || len(o.Name) > maxName {
		bad("--name %q: must begin the name of a service, with at most %d characters", o.Name, maxName)
	}
	count("instances", o.Instances, 1, MaxInstances)
	count("services", o.Services, 1, MaxServices)
	if o.Services > o.Instances && o.Instances > 0 {
		bad("--services %d: want no more than instances, which are %d", o.Services, o.Instances)
	}
	count("connections", o.Connections, 1, MaxConnections)
	count("batch", o.Batch, 1, wire.MaxBatch)
	switch o.Operation {
	case Watch:
		count("watchers", o.Watchers, 1, MaxConnections)
	case Mixed:
		count("watchers", o.Watchers, 0, MaxConnections)
		count("resolvers", o.Resolvers, 0, MaxConnections)
	}
	if o.Rate < 0 || o.Rate > 1e8 {
		bad("--rate %v: want 0, for a closed loop, to 100000000", o.Rate)
	}
	if o.Churn < 0 || o.Churn > 1e6 {
		bad("--churn %v: want 0 to 1000000", o.Churn)
	}
	if o.Duration < 10*time.Millisecond || o.Duration > 24*time.Hour {
		bad("--duration %v: want 10ms to 24h", o.Duration)
	}
	if o.TTL < minTTL || o.TTL > 24*time.Hour {
		bad("--ttl %v: want %v to 24h", o.TTL, minTTL)
	}
	if len(errs) > 0 {
		return &optionsError{errors.Join(errs...)}
	}
	return nil
}

type optionsError struct{ error }

func (e *optionsError) Unwrap() error        { return e.error }
func (e *optionsError) Is(target error) bool { return target == ErrOptions }
