package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What zero means in [Transport].
const (
	DefaultServices = 64
	DefaultIdle     = 10 * time.Minute
	DefaultWait     = 5 * time.Second
)

// avoidFor is how long an instance that refused a connection is passed over, if there are
// others.
const avoidFor = 3 * time.Second

// maxTries bounds to how many instances one request is sent.
const maxTries = 4

// Transport is an [http.RoundTripper] that takes the host of a URL for the name of a
// service: a request for http://auth-service/path goes to an instance of auth-service. It
// keeps a [Resolver] for each service that is asked for. Client is required; the rest may
// be zero. Its members must not be changed once it is used.
//
//   - The header Host says what the URL says, the name of the service.
//   - Under https the certificate is checked against the address of the instance, or as
//     the TLS configuration of Base says.
//   - Where no connection can be made, the request goes to another instance, and the one
//     that refused is passed over for a few seconds. Once a connection was there it is not
//     sent again, but for what [http.Transport] itself takes to be safe. Of a body without
//     GetBody, as behind a reverse proxy, nothing was read until then.
//   - Where a service has no instance, the error is ErrNoInstance.
type Transport struct {
	Client *Client
	// Base sends requests on; a clone of [http.DefaultTransport] if nil.
	Base http.RoundTripper
	// Resolver says how instances are chosen.
	Resolver ResolverOptions
	// Key gives the key of a request for the strategy Hash; nil: the path.
	Key func(*http.Request) string
	// Fallback: what cannot be a service, because its host has a dot or a port or is
	// localhost, and a service of which nobody is registered, is sent on as it is. Without
	// it that is an error.
	Fallback bool
	// Services is how many services are followed at most; [DefaultServices] if zero. Beyond
	// that the one that was not asked for for longest is let go, but none for whose first
	// answer a request waits.
	Services int
	// Idle is after what time without a request a service is let go; [DefaultIdle] if zero.
	Idle time.Duration
	// Wait is how long the first request for a service waits for the registry's answer;
	// [DefaultWait] if zero.
	Wait time.Duration

	once    sync.Once
	base    http.RoundTripper
	mu      sync.Mutex
	closed  bool
	routes  map[string]*route
	janitor *time.Timer
	closing sync.WaitGroup // of resolvers that are let go
}

var _ http.RoundTripper = (*Transport)(nil)

// route is a service that is followed.
type route struct {
	*Resolver
	used atomic.Int64 // Unix nanoseconds of the last request
	// waiting is how many requests wait for the first view: to let it go would fail them.
	waiting atomic.Int32

	// avoiding is how many instances are avoided, so that to avoid none costs no lock.
	avoiding atomic.Int32
	mu       sync.Mutex
	avoided  map[string]time.Time // by address: until when
}

// RoundTrip sends a request to an instance of the service that its host names.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.init)
	service := req.URL.Host
	if !isService(service) {
		if t.Fallback {
			return t.base.RoundTrip(req)
		}
		return nil, refuse(req, fmt.Errorf("host %q is not the name of a service: those have no dot and no port; set Fallback to send such requests on", service))
	}
	r, err := t.route(service)
	if err != nil {
		return nil, refuse(req, err)
	}
	err = t.ready(req.Context(), r)
	r.waiting.Add(-1)
	if err != nil {
		return nil, refuse(req, err)
	}
	return t.send(req, r)
}

// send tries instances until a connection can be made.
func (t *Transport) send(req *http.Request, r *route) (*http.Response, error) {
	key := req.URL.Path
	if t.Key != nil {
		key = t.Key(req)
	}
	held := hold(req)
	if held != nil {
		defer held.settle()
	}
	var tried map[string]bool
	var last error
	for try := 1; ; try++ {
		e, err := r.choose(key, tried)
		if err != nil {
			switch {
			case last != nil: // all that there are were tried
				return nil, refuse(req, last)
			case t.Fallback && len(r.Instances()) == 0:
				return t.base.RoundTrip(req)
			}
			return nil, refuse(req, err)
		}
		out, err := t.rewrite(req, e, try)
		if err != nil {
			return nil, refuse(req, err)
		}
		if held != nil {
			out.Body = held
		}
		resp, err := t.base.RoundTrip(out)
		if err == nil {
			resp.Request = req
			return resp, nil
		}
		if !undelivered(err) || req.Context().Err() != nil {
			return nil, err
		}
		r.avoid(e.Address)
		last = fmt.Errorf("%s is registered at %s, but: %w", r.service, e.Address, err)
		if try >= maxTries || held != nil && !held.again() {
			return nil, refuse(req, last)
		}
		if tried == nil {
			tried = make(map[string]bool)
		}
		tried[e.Address] = true
	}
}

// rewrite gives the request as it goes to an instance.
func (t *Transport) rewrite(req *http.Request, e Endpoint, try int) (*http.Request, error) {
	out := req.Clone(req.Context())
	if out.Host == "" {
		out.Host = req.URL.Host
	}
	out.URL.Host = e.Address
	if try > 1 && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, fmt.Errorf("send again: %w", err)
		}
		out.Body = body
	}
	return out, nil
}

// refuse closes the body, as a RoundTripper has to in any case, and gives the error.
func refuse(req *http.Request, err error) error {
	if req.Body != nil {
		_ = req.Body.Close() // it was only to be read
	}
	return err
}

// isService tells whether a host can only be the name of a service.
func isService(host string) bool {
	return host != "" && host != "localhost" && !strings.ContainsAny(host, ".:[]")
}

// undelivered tells whether an error says that no connection could be made.
func undelivered(err error) bool {
	var e *net.OpError
	return errors.As(err, &e) && e.Op == "dial"
}

// ready waits for the first view of a service.
func (t *Transport) ready(ctx context.Context, r *route) error {
	select {
	case <-r.ready:
		return nil
	default:
	}
	wait := t.Wait
	if wait <= 0 {
		wait = DefaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return r.Ready(ctx)
}
