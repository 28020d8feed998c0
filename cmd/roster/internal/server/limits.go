package server

import (
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/roster-sd/roster/api"
	"github.com/roster-sd/roster/internal/admit"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/internal/limit"
	"github.com/roster-sd/roster/internal/metrics"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// The limits that are not configured.
const (
	// handshakesPerAddress is for thousands of clients behind one NAT that come at once; one
	// that is refused comes again.
	handshakesPerAddress = 1024
	adminConnections     = 64
	// The descriptors that connections of the API leave to the rest: a sixteenth of all,
	// within these.
	leastReserve, mostReserve = 128, 1024
)

// The limits beside those of package admit, as the metrics name them.
const (
	limitRequests  = "requests"
	limitInstances = "instances"
	limitWatchers  = "watchers"
)

// connectionsWithin is how many connections a listener may hold of so many descriptors.
func connectionsWithin(descriptors int) int {
	if descriptors <= 0 {
		return 0
	}
	return max(descriptors-min(max(descriptors/16, leastReserve), mostReserve), descriptors/2)
}

// openGates makes what stands between the listeners and who connects. Shares are kept where
// identities are proved.
func (s *Server) openGates() {
	l := s.cfg.Limits
	opts := admit.Options{
		Total:       connectionsWithin(admit.Descriptors()),
		PerAddress:  l.AddressConnections,
		PerSecond:   l.AddressConnectsPerSecond,
		PerIdentity: l.Connections,
		Refused:     s.connectionRefused,
	}
	if s.material != nil {
		opts.Unproved = handshakesPerAddress
		if !s.opts.noShares {
			s.shares = admit.NewShares()
			opts.Shares = s.shares
		}
	}
	s.gate = admit.NewGate(opts)
	s.adminGate = admit.NewGate(admit.Options{Total: adminConnections, Refused: s.connectionRefused})
}

// connectionRefused is told of each connection that a gate did not let in, or has told that
// there are too many.
func (s *Server) connectionRefused(why admit.Kind, from string) {
	s.metrics.Limited(string(why))
	s.auditConnection(string(why), from)
	if more, ok := s.refusals.tell(time.Now()); ok {
		s.log.Warn("connection refused", slog.String("limit", string(why)), slog.String("from", from), slog.Int("since_last", more))
	}
}

// sparing lets one line a second into the log.
type sparing struct {
	mu   sync.Mutex
	last time.Time
	more int
}

// tell says whether a line may be written, and how many were not since the last.
func (x *sparing) tell(now time.Time) (more int, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.last.IsZero() && now.Sub(x.last) < time.Second {
		x.more++
		return 0, false
	}
	more, x.more, x.last = x.more, 0, now
	return more, true
}

// limitAPI puts the limits of requests and watches before the API.
func (s *Server) limitAPI(opts *api.Options) {
	if n := s.cfg.Limits.RequestsPerSecond; n > 0 {
		opts.Limiter = requests{limit.New(float64(n), n), s.metrics}
	}
	if n := s.cfg.Limits.Watchers; n > 0 {
		opts.Watchers = watchers{admit.NewCounts[string](n), s.metrics}
	}
}

// streamBuffer is what the system may keep of a stream whose reader does not read; Linux takes it
// twice. Left to itself it keeps megabytes, for each.
const streamBuffer = 64 << 10

// boundStream is told of each request that becomes an event stream.
func (s *Server) boundStream(r *http.Request) {
	c, _ := r.Context().Value(connKey{}).(*conn)
	if c == nil || c.admitted == nil {
		return
	}
	if err := c.admitted.SetWriteBuffer(streamBuffer); err != nil {
		s.log.Debug("the buffer of a stream cannot be bounded", "error", err) // it is gone
	}
}

// quota is the quota of instances.
func (s *Server) quota() registry.Quota {
	return registry.Quota{Instances: s.cfg.Limits.Instances, Refused: func() { s.metrics.Limited(limitInstances) }}
}

// requests counts what its limiter refuses.
type requests struct {
	*limit.Rate
	metrics *metrics.Metrics
}

// Allow takes one request, or tells how long to wait.
func (r requests) Allow(identity string) time.Duration {
	wait := r.Rate.Allow(identity)
	if wait > 0 {
		r.metrics.Limited(limitRequests)
	}
	return wait
}

// watchers counts what its bound refuses.
type watchers struct {
	*admit.Counts[string]
	metrics *metrics.Metrics
}

// Enter counts a watch, unless the identity has as many as it may.
func (w watchers) Enter(identity string) bool {
	ok := w.Counts.Enter(identity)
	if !ok {
		w.metrics.Limited(limitWatchers)
	}
	return ok
}

// counted gives a configuration whose handshakes tell the gate whose connection it is.
func (s *Server) counted(cfg *tls.Config) *tls.Config {
	current := cfg.GetConfigForClient
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c, err := current(hello)
		conn := admit.Of(hello.Conn)
		if err != nil || conn == nil {
			return c, err
		}
		own := c.Clone()
		own.VerifyConnection = func(state tls.ConnectionState) error {
			if err := c.VerifyConnection(state); err != nil {
				return err
			}
			identity, err := s.material.Identity(state)
			if err != nil {
				return err
			}
			return conn.Identify(identity)
		}
		return own, nil
	}
	return cfg
}

// inTurn gives each identity its share of the node, and tells who asks on a connection too
// many that it is one. Without certificates there are no identities to tell apart.
func (s *Server) inTurn(h http.Handler) http.Handler {
	if s.material == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, _ := r.Context().Value(connKey{}).(*conn); c != nil && c.admitted != nil {
			if c.admitted.Excess() {
				s.tooMany(w, r, c)
				return
			}
			c.admitted.Share().Take(r.Context(), r.ContentLength)
		}
		h.ServeHTTP(w, r)
	})
}

// tooMany answers on a connection that its identity may not have.
func (s *Server) tooMany(w http.ResponseWriter, r *http.Request, c *conn) {
	s.registry.Audit(audit.Event{Kind: audit.RateLimited, Outcome: audit.Deny, From: c.from, Identity: c.admitted.Identity(),
		Request: requestID(w, r), Why: "limits.connections"})
	body, err := json.Marshal(wire.Problem{Type: "about:blank", Title: http.StatusText(http.StatusTooManyRequests),
		Status: http.StatusTooManyRequests, Code: wire.CodeRateLimited,
		Detail: "this identity has " + strconv.Itoa(s.cfg.Limits.Connections) +
			" connections open, as many as it may (limits.connections): close one, or ask on one that is open"})
	if err != nil {
		w.WriteHeader(http.StatusTooManyRequests) // a struct of strings is always encoded
		return
	}
	h := w.Header()
	h.Set("Content-Type", wire.ContentTypeProblem)
	h.Set("Retry-After", "1")
	h.Set("Connection", "close") // over HTTP/2 that is a GOAWAY
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write(body) // whoever does not wait for it knows as much as before
}
