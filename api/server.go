package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/requestid"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// Options configure an API. Registry and Identify are required.
type Options struct {
	Registry *registry.Registry
	// Identify tells who makes a request. It is asked for each request, and again from
	// time to time while a stream is open; an error refuses the caller, and the Caller then is
	// who it was before, as far as that is known, for the audit alone.
	Identify func(*http.Request) (registry.Caller, error)
	// Health tells the state of the node, for /health and /ready; nil: ok when the
	// catalog is warm.
	Health func() Health
	// Metrics serves GET /metrics; nil: not served here.
	Metrics http.Handler
	// Instrument is asked once a route for what is told of each of its requests; nil: no one.
	Instrument func(method, route string) func(status int, took time.Duration)
	// Guard says which requests may not be served at all; nil: none.
	Guard Guard
	// Surface is another surface on the same port; nil: none.
	Surface *Surface
	Limiter Limiter // of requests, for each identity; nil: none
	// Watchers bounds the event streams and the long polls that wait, of each identity; nil:
	// nothing does.
	Watchers Occupancy
	// Streaming is told of each request that becomes an event stream, before its first byte; nil:
	// no one is.
	Streaming func(*http.Request)
	Logger    *slog.Logger // nil: none
}

// Health is the state of a node.
type Health struct {
	Ready    bool // the catalog has been warm, and the node is not stopping
	Stopping bool
	Degraded []string // why the node is less than well
	Held     int      // instances kept past their deadline
	Node     string
	Backend  string
}

// Limiter says whether an identity may make one more request.
type Limiter interface {
	// Allow takes one, and gives 0; or takes nothing, and gives how long to wait.
	Allow(identity string) time.Duration
}

// Surface is another surface on the port of the native one. It serves GET /health itself.
type Surface struct {
	Register func(gin.IRouter)
	// Refuse answers, in the surface's own shape, what the guard does not let pass.
	Refuse func(c *gin.Context, status int, detail string)
}

// API serves the native surface.
type API struct {
	opts   Options
	reg    *registry.Registry
	log    *slog.Logger
	engine *gin.Engine

	made     time.Time
	stop     chan struct{} // closed when streams and long polls are to end
	stopOnce sync.Once
	position positionText
	turns    *turns // of the event streams
	lines    lines  // the connections of those that are detached
}

// New makes the API and its routes.
func New(opts Options) *API {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	gin.SetMode(gin.ReleaseMode)
	a := &API{opts: opts, reg: opts.Registry, log: opts.Logger, engine: gin.New(), made: time.Now(), stop: make(chan struct{}), turns: newTurns(turnsHere())}
	a.lines.init()
	e := a.engine
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.UseRawPath, e.UnescapePathValues = true, false // see unescape
	_ = e.SetTrustedProxies(nil)                     // nil cannot fail
	for _, r := range a.Routes() {
		e.Handle(r.Method, r.Path, append(a.before(r.Method, r.Path, a.refuse), r.handler(a))...)
		if r.Head() {
			e.HEAD(r.Path, append(a.before(http.MethodHead, r.Path, a.refuse), r.handler(a))...)
		}
	}
	if opts.Surface != nil {
		opts.Surface.Register(e.Group("", a.before("", "loopback", opts.Surface.refuse)...))
	}
	a.strays()
	return a
}

// Handler serves the API.
func (a *API) Handler() http.Handler { return a.engine.Handler() }

// Drain ends event streams and long polls, so that a server can shut down; it may be
// called more than once. Requests that come later are served, but do not wait. Those streams
// whose connections are not the server's any more are waited for by Wait.
func (a *API) Drain() {
	a.stopOnce.Do(func() { close(a.stop) })
	a.lines.drain()
}

// Wait drains, and waits for the event streams that have connections of their own: a server
// neither knows nor waits for them. When the context ends, the streams that are left are cut off,
// and its error is given.
func (a *API) Wait(ctx context.Context) error {
	a.Drain()
	var err error
	select {
	case <-a.lines.none:
	case <-ctx.Done():
		if a.lines.cut() > 0 {
			err = ctx.Err()
		}
		<-a.lines.none
	}
	a.turns.working.Wait()
	return err
}

// before gives what stands before the handler of every route.
func (a *API) before(method, route string, refuse refusal) []gin.HandlerFunc {
	protect := func(c *gin.Context) { a.protect(c, refuse) }
	chain := []gin.HandlerFunc{protect}
	if a.opts.Instrument != nil {
		observe := a.opts.Instrument(method, route)
		chain[0] = func(c *gin.Context) {
			// Durations need no wall clock, which costs a second reading.
			start := time.Since(a.made)
			protect(c)
			if s := detached(c); s != nil { // it goes on
				s.over = func() { observe(http.StatusOK, time.Since(a.made)-start) }
				s.release()
				return
			}
			observe(c.Writer.Status(), time.Since(a.made)-start)
		}
	}
	if a.opts.Guard != nil {
		chain = append(chain, a.guard(refuse))
	}
	return chain
}

// protect turns a panic of a handler into a 500 and keeps the server up.
func (a *API) protect(c *gin.Context, refuse refusal) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			a.log.Error("handler panicked", "route", c.FullPath(), "request", request(c).RequestID(), "panic", p, "stack", stack())
			if c.Writer.Written() {
				// What has gone out must not look like a whole answer.
				panic(http.ErrAbortHandler)
			}
			refuse(c, wire.CodeInternal, "the registry failed; its log says why")
		}
	}()
	requestid.Accept(c.Writer.Header(), c.Request.Header)
	unescape(c)
	c.Next()
}

// unescape decodes the parameters of a path with escapes. gin would read them as a query,
// where + is a space; in a path it is a plus, which an instance ID may have.
func unescape(c *gin.Context) {
	if c.Request.URL.RawPath == "" {
		return // gin matched the decoded path
	}
	for i := range c.Params {
		if v, err := url.PathUnescape(c.Params[i].Value); err == nil {
			c.Params[i].Value = v
		}
	}
}

// identify tells who makes the request; where that fails the request is answered.
func (a *API) identify(c *gin.Context) (registry.Caller, bool) {
	who, err := a.opts.Identify(c.Request)
	who.Request = request(c)
	if err != nil {
		a.reg.LogRefusal(c.Request.Context(), host(c), "caller refused", slog.String("from", c.Request.RemoteAddr),
			slog.String("request", who.Request.RequestID()), slog.Any("error", err))
		a.auditCaller(c.Request, request(c).RequestID(), who, err)
		a.fail(c, &problem{code: wire.CodeUnauthenticated, detail: "the client certificate is no longer good"})
		return who, false
	}
	return who, true
}

// request gives the request as its answer, the log and the audit log name it.
func request(c *gin.Context) requestid.Answer { return requestid.Answer(c.Writer.Header()) }

// caller tells who makes the request, and counts the request; where it may not be made it
// is answered.
func (a *API) caller(c *gin.Context) (registry.Caller, bool) {
	who, ok := a.identify(c)
	if ok && a.opts.Limiter != nil {
		if wait := a.opts.Limiter.Allow(who.Identity); wait > 0 {
			a.fail(c, &registry.Error{Code: registry.RateLimited, Detail: "too many requests from this identity", RetryAfter: wait})
			return who, false
		}
	}
	return who, ok
}

// token gives the instance token of a request, empty if there is none.
func token(c *gin.Context) string {
	h := c.Request.Header
	if v := h[wire.HeaderToken]; len(v) > 0 {
		return v[0]
	}
	const scheme = "Bearer "
	if v := h.Get("Authorization"); len(v) > len(scheme) && equalFold(v[:len(scheme)], scheme) {
		return v[len(scheme):]
	}
	return ""
}

// revision sets the headers that every answer has: the position of this node, and
// whether what it shows may be out of date.
func (a *API) revision(c *gin.Context) { a.revisionAt(c, a.reg.Catalog().Position()) }

func (a *API) revisionAt(c *gin.Context, at catalog.Position) {
	h := c.Writer.Header()
	h[wire.HeaderRevision] = a.position.of(at)
	if age, stale := a.reg.Catalog().Stale(); stale {
		h[wire.HeaderStale] = []string{"true"}
		h[wire.HeaderAge] = []string{formatMillis(age)}
	}
}
