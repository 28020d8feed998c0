package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// dialWithin is how long a Transport's own Base takes to connect to an instance.
const dialWithin = 5 * time.Second

func (t *Transport) init() {
	t.base = t.Base
	if t.base == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		// There may be another instance: half a minute is too long to find that out.
		own.DialContext = (&net.Dialer{Timeout: dialWithin, KeepAlive: 30 * time.Second}).DialContext
		t.base = own
	}
}

// route gives the service's, which is made if there is none. The caller waits for its first
// view, and takes himself off waiting then.
func (t *Transport) route(service string) (*route, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return nil, fmt.Errorf("send to %s: %w", service, ErrClosed)
	case t.Client == nil:
		return nil, errors.New("send to " + service + ": the Transport has no Client")
	}
	now := time.Now()
	if r := t.routes[service]; r != nil {
		r.used.Store(now.UnixNano())
		r.waiting.Add(1)
		return r, nil
	}
	resolver, err := t.Client.Resolver(service, t.Resolver)
	if err != nil {
		return nil, err
	}
	limit := t.Services
	if limit <= 0 {
		limit = DefaultServices
	}
	for len(t.routes) >= limit {
		oldest, ok := t.oldest()
		if !ok {
			break
		}
		t.letGo(oldest)
	}
	r := &route{Resolver: resolver}
	r.used.Store(now.UnixNano())
	r.waiting.Add(1)
	if t.routes == nil {
		t.routes = make(map[string]*route)
	}
	t.routes[service] = r
	if t.janitor == nil {
		t.janitor = time.AfterFunc(t.idle(), t.sweep)
	}
	return r, nil
}

func (t *Transport) idle() time.Duration {
	if t.Idle <= 0 {
		return DefaultIdle
	}
	return t.Idle
}

// oldest gives the service that was not asked for for longest, of those that can be let go.
// It needs mu.
func (t *Transport) oldest() (name string, ok bool) {
	var at int64
	for service, r := range t.routes {
		if used := r.used.Load(); r.waiting.Load() == 0 && (!ok || used < at) {
			name, at, ok = service, used, true
		}
	}
	return name, ok
}

// letGo ends the following of a service. A request under way goes on with its last view. It
// needs mu.
func (t *Transport) letGo(service string) {
	r := t.routes[service]
	delete(t.routes, service)
	r.cancel()
	t.closing.Go(r.Close) // Close waits for it
}

// sweep lets go of what is idle, and comes again while there is anything.
func (t *Transport) sweep() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	limit := time.Now().Add(-t.idle()).UnixNano()
	for service, r := range t.routes {
		if r.used.Load() <= limit {
			t.letGo(service)
		}
	}
	if len(t.routes) == 0 {
		t.janitor = nil
		return
	}
	t.janitor = time.AfterFunc(t.idle(), t.sweep)
}

// CloseIdleConnections closes the connections of Base that are not in use; it is what
// [http.Client.CloseIdleConnections] calls.
func (t *Transport) CloseIdleConnections() {
	t.once.Do(t.init)
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// Close ends the following of all services and waits for that. Requests that come later
// fail. It may be called more than once.
func (t *Transport) Close() {
	t.mu.Lock()
	t.closed = true
	for service := range t.routes {
		t.letGo(service)
	}
	if t.janitor != nil {
		t.janitor.Stop()
	}
	t.mu.Unlock()
	t.closing.Wait()
	t.CloseIdleConnections()
}
