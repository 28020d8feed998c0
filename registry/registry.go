package registry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/internal/audit"
	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
)

// Options configure a Registry. Store, Catalog, Leases and Authorizer are required.
type Options struct {
	Store      store.Store
	Catalog    *catalog.Catalog
	Leases     lease.Policy
	Authorizer *auth.Authorizer // the policy to begin with
	Tokens     TokenPolicy
	Node       string // name of this node, for events
	// Lookups limits how often an identity may make this node ask the store before it
	// is told no; nil: no limit.
	Lookups Limiter
	Quota   Quota // of each identity
	Checks  CheckPolicy
	// Processes tells when the process of an instance has ended; nil: no process is watched,
	// as with instances that run on other machines.
	Processes Processes
	// Audit takes every event of the audit log, and must not block; nil: there is no such log.
	Audit  func(audit.Event)
	Logger *slog.Logger     // nil: none
	Now    func() time.Time // nil: time.Now
}

// TokenPolicy says how long tokens are good for.
type TokenPolicy struct {
	TTL   time.Duration // 0: they do not expire
	Grace time.Duration // how long an expired token may still rotate
}

// Limiter says whether a caller may do something more often than is usual.
type Limiter interface {
	// Allow takes one, and gives 0; or takes nothing, and gives how long to wait.
	Allow(identity string) time.Duration
	// Wait gives what Allow would, and takes nothing.
	Wait(identity string) time.Duration
}

// Registry is the use cases. Its methods may be called concurrently.
type Registry struct {
	opts    Options
	store   store.Store
	catalog *catalog.Catalog
	log     *slog.Logger
	lookups singleflight.Group // of records, see read
	views   singleflight.Group // of services, see fresh
	lag     lag
	stats   Stats
	places  places
	policy  atomic.Pointer[auth.Authorizer]

	overrides overrides
	denials   audit.Denials
	refusals  *audit.Refusals // in the log
	began     time.Time
}

// Stats counts what the use cases did, for metrics.
type Stats struct {
	Granted, Renewed, Lost, Rotated, Resolved atomic.Uint64
	// Degraded counts resolves that were answered although nearly all of the service fails.
	Degraded atomic.Uint64
	// Resurrected counts instances that the store had lost and that were brought back;
	// Restored those of which it had lost the latest form.
	Resurrected, Restored atomic.Uint64
	// DeadTokens counts calls with a token that is no longer good, or never was.
	DeadTokens atomic.Uint64
	Denied     atomic.Uint64 // calls that no rule allows
	Waits      atomic.Uint64 // answers that went out before the catalog had caught up
}

// New makes a Registry.
func New(opts Options) *Registry {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &Registry{opts: opts, store: opts.Store, catalog: opts.Catalog, log: opts.Logger, began: opts.Now(), refusals: audit.NewRefusals(opts.Logger)}
	r.SetPolicy(opts.Authorizer)
	return r
}

// Policy gives the policy in force.
func (r *Registry) Policy() *auth.Authorizer { return r.policy.Load() }

// SetPolicy puts another policy into force, for every call that is decided from then on. An
// open stream is decided again when it next has something to say, and within seconds.
func (r *Registry) SetPolicy(a *auth.Authorizer) { r.policy.Store(a) }

// Stats gives the counters.
func (r *Registry) Stats() *Stats { return &r.stats }

// Catalog gives the read model that the registry answers from.
func (r *Registry) Catalog() *catalog.Catalog { return r.catalog }

// Caller is who makes a call.
type Caller struct {
	Identity string
	// Unverified is set where nothing proves the identity (plain HTTP): it then gives no
	// right to take over an instance that it registered.
	Unverified bool
	// Holder is set by a surface that acts as the holder of every token (loopback only).
	Holder bool
	From   string // network address
	// Request names the request that the call is part of, in the log and in the audit log; nil:
	// it has no name.
	Request Request
}

// Request is a request that can be named. It is asked for its name only where the name is told,
// and not concurrently before it has given it once.
type Request interface{ RequestID() string }

// request gives the name of the caller's request, empty if it has none.
func (c *Caller) request() string {
	if c.Request == nil {
		return ""
	}
	return c.Request.RequestID()
}

// requestAttr is the name as it stands in the log; nothing where there is none.
func (c *Caller) requestAttr() slog.Attr {
	if c.Request == nil {
		return slog.Attr{}
	}
	return slog.String("request", c.Request.RequestID())
}

// named gives the caller with the name of its request made, for calls at once.
func (c Caller) named() Caller {
	if c.Request != nil {
		c.Request.RequestID()
	}
	return c
}

func (r *Registry) why(c Caller, code store.Code, note string) store.Reason {
	return store.Reason{Code: code, Note: note, Actor: c.Identity, Node: r.opts.Node, From: c.From}
}

// authorise is the one function that decides who may do what. Denials are counted and
// logged here and nowhere else.
func (r *Registry) authorise(ctx context.Context, c Caller, action auth.Action, service string) error {
	d := r.Policy().Authorize(c.Identity, action, service)
	if d.Allowed {
		return nil
	}
	r.stats.Denied.Add(1)
	r.tellRefusal(ctx, &c, "denied", slog.String("action", string(action)), slog.String("service", service),
		slog.String("rule", d.Text))
	r.denied(c, action, service, d)
	what := string(action) + " service " + quote(service)
	if action == auth.Admin {
		what = "administer the registry"
	}
	return &Error{Code: Forbidden, Detail: "identity " + quote(c.Identity) + " may not " + what}
}

// mayDiscover is authorise for listings, where what may not be seen is just not there.
func (r *Registry) mayDiscover(c Caller, service string) bool {
	return r.Policy().Authorize(c.Identity, auth.Discover, service).Allowed
}

// millis is the node's wall clock.
func (r *Registry) millis() store.Millis { return store.At(r.opts.Now()) }
