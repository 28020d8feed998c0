package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/roster-sd/roster/wire"
)

// ExplainOptions say how much to tell.
type ExplainOptions struct {
	// Limit is how many events, and lines of each list, there are at most; 0: as many as the
	// registry gives.
	Limit int
}

// Explain tells what is known of an instance that is there, or that left not too long ago:
// who registered it, what happened to it since, and why it left. ErrNotFound: nothing is known.
func (c *Client) Explain(ctx context.Context, ref wire.InstanceRef, opts ExplainOptions) (wire.Explanation, error) {
	var out wire.Explanation
	q, err := opts.call(ref.ServiceName, ref.InstanceID)
	if err == nil {
		err = c.do(ctx, q, &out)
	}
	return out, err
}

// ExplainService tells what there is of a service, who left it lately and why, and which of
// its instances come and go. ErrNotFound: nothing is known.
func (c *Client) ExplainService(ctx context.Context, service string, opts ExplainOptions) (wire.ServiceExplanation, error) {
	var out wire.ServiceExplanation
	q, err := opts.call(service)
	if err == nil {
		err = c.do(ctx, q, &out)
	}
	return out, err
}

// Answered is what one node of several answered.
type Answered[T any] struct {
	Address string // its base URL
	Value   T
	Err     error // instead of a value
}

// ExplainOnEach is [Client.Explain] asked of every address at once, each of which knows of the
// heartbeats that it took itself. The answers stand in the order of the addresses.
func (c *Client) ExplainOnEach(ctx context.Context, ref wire.InstanceRef, opts ExplainOptions) []Answered[wire.Explanation] {
	q, err := opts.call(ref.ServiceName, ref.InstanceID)
	return onEach[wire.Explanation](ctx, c, q, err)
}

// ExplainServiceOnEach is [Client.ExplainService] asked of every address at once, as by
// [Client.ExplainOnEach].
func (c *Client) ExplainServiceOnEach(ctx context.Context, service string, opts ExplainOptions) []Answered[wire.ServiceExplanation] {
	q, err := opts.call(service)
	return onEach[wire.ServiceExplanation](ctx, c, q, err)
}

// call makes the call for a service, or for an instance of it.
func (o ExplainOptions) call(names ...string) (call, error) {
	path, err := servicePath("explain", names...)
	if err != nil {
		return call{}, err
	}
	q := url.Values{}
	if o.Limit != 0 {
		q.Set("limit", strconv.Itoa(o.Limit))
	}
	op := "explain " + names[0]
	if len(names) > 1 {
		op += "/" + names[1]
	}
	return call{op: op, method: http.MethodGet, path: path, query: q, repeat: true}, nil
}

// onEach makes a call at every address at once. A call that cannot be made is refused by all.
func onEach[T any](ctx context.Context, c *Client, q call, refused error) []Answered[T] {
	if c.local != nil || refused != nil {
		one := Answered[T]{Err: refused}
		if refused == nil {
			one.Err = c.do(ctx, q, &one.Value)
		}
		for _, address := range c.Addresses() {
			one.Address = address
		}
		return []Answered[T]{one}
	}
	out := make([]Answered[T], len(c.bases))
	var wg sync.WaitGroup
	for i, base := range c.bases {
		wg.Go(func() {
			out[i].Address = base
			if _, err := c.attempt(ctx, base, q, nil, &out[i].Value); err != nil {
				out[i].Err = fmt.Errorf("%s: %w", q.op, err)
			}
		})
	}
	wg.Wait()
	return out
}
