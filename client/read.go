package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/roster-sd/roster/wire"
)

// Services lists the services that the caller may discover.
func (c *Client) Services(ctx context.Context, opts ReadOptions) (wire.Services, error) {
	var out wire.Services
	q := url.Values{}
	opts.add(q)
	err := c.get(ctx, "list services", "/registry/services", q, opts.Freshness, &out)
	return out, err
}

// ServiceOptions choose among the instances of a service.
type ServiceOptions struct {
	ReadOptions
	Filter Filter
	// Limit cuts the answer into pages; 0 asks for all instances at once.
	Limit int
	// After is the Next of the page before.
	After string
}

// Service lists the instances of a service. One that is unknown has none; that is no error.
func (c *Client) Service(ctx context.Context, service string, opts ServiceOptions) (wire.Service, error) {
	var out wire.Service
	path, err := servicePath("services", service)
	if err != nil {
		return out, err
	}
	q := url.Values{}
	opts.ReadOptions.add(q)
	opts.Filter.add(q)
	if opts.Limit != 0 {
		q.Set("limit", strconv.Itoa(opts.Limit))
	}
	if opts.After != "" {
		q.Set("after", opts.After)
	}
	err = c.get(ctx, "list "+service, path, q, opts.Freshness, &out)
	return out, err
}

// Instance gives one instance, or ErrNotFound.
func (c *Client) Instance(ctx context.Context, ref wire.InstanceRef, opts ReadOptions) (wire.Instance, error) {
	var out wire.Instance
	path, err := servicePath("services", ref.ServiceName, ref.InstanceID)
	if err != nil {
		return out, err
	}
	q := url.Values{}
	opts.add(q)
	err = c.get(ctx, "get "+name(ref), path, q, opts.Freshness, &out)
	return out, err
}

// The strategies of a resolve.
const (
	RoundRobin = "round_robin" // what the registry does unless told otherwise
	Random     = "random"
	Weighted   = "weighted"
	Recent     = "recent" // the one that renewed last
	Hash       = "hash"   // the same key, the same instance, as far as possible
)

// ResolveOptions say which instance of a service to choose.
type ResolveOptions struct {
	ReadOptions
	Strategy string // empty: [RoundRobin]
	Key      string // for [Hash]
	Filter   Filter
}

// Resolve gives one instance of a service. A service without any live instance is
// ErrNotFound; one whose instances are not up, or do not match the filter, is
// ErrUnavailable.
func (c *Client) Resolve(ctx context.Context, service string, opts ResolveOptions) (wire.Instance, error) {
	var out wire.Instance
	path, err := servicePath("resolve", service)
	if err != nil {
		return out, err
	}
	q := url.Values{}
	opts.ReadOptions.add(q)
	opts.Filter.add(q)
	if opts.Strategy != "" {
		q.Set("strategy", opts.Strategy)
	}
	if opts.Key != "" {
		q.Set("key", opts.Key)
	}
	err = c.get(ctx, "resolve "+service, path, q, opts.Freshness, &out)
	return out, err
}

// EventsOptions choose among recent events. Empty members choose nothing out.
type EventsOptions struct {
	ReadOptions
	Service, Instance string
	Limit             int // 0: as many as the registry gives
}

// Events gives recent changes with their reasons, oldest first.
func (c *Client) Events(ctx context.Context, opts EventsOptions) (wire.Events, error) {
	var out wire.Events
	q := url.Values{}
	opts.ReadOptions.add(q)
	if opts.Service != "" {
		q.Set("service", opts.Service)
	}
	if opts.Instance != "" {
		q.Set("instance", opts.Instance)
	}
	if opts.Limit != 0 {
		q.Set("limit", strconv.Itoa(opts.Limit))
	}
	err := c.get(ctx, "events", "/registry/events", q, opts.Freshness, &out)
	return out, err
}

func (c *Client) get(ctx context.Context, op, path string, q url.Values, f *Freshness, out any) error {
	return c.do(ctx, call{op: op, method: http.MethodGet, path: path, query: q, repeat: true, freshness: f}, out)
}
