package client

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/roster-sd/roster/wire"
)

// Heartbeat starts the TTL of an instance anew. Errors to tell apart:
// [ErrUnauthenticated] and [ErrForbidden], not its token; [ErrLeaseLost], it is gone,
// and Error.Reason says whether to register again; [ErrNotFound], never heard of;
// [ErrUnavailable], ask again.
func (c *Client) Heartbeat(ctx context.Context, ref wire.InstanceRef, token string) (wire.Heartbeat, error) {
	return c.heartbeat(ctx, ref, token, 0)
}

// heartbeat is Heartbeat with a limit of its own for each address, 0 for the client's.
func (c *Client) heartbeat(ctx context.Context, ref wire.InstanceRef, token string, within time.Duration) (wire.Heartbeat, error) {
	var out wire.Heartbeat
	err := c.do(ctx, call{
		op: "heartbeat " + name(ref), method: http.MethodPost, path: "/registry/heartbeat",
		token: token, body: ref, repeat: true, timeout: min(within, c.timeout),
	}, &out)
	return out, err
}

// Heartbeats renews up to [wire.MaxBatch] instances in one call. The results stand in
// the order of the items; [ResultError] gives the error of one. One bad item spoils no
// other; an error of the call says that nothing is known of any of them.
func (c *Client) Heartbeats(ctx context.Context, items []wire.HeartbeatItem) ([]wire.HeartbeatResult, error) {
	const op = "heartbeats"
	if len(items) > wire.MaxBatch {
		return nil, fmt.Errorf("%s: %w", op, invalid("items", "are more than "+strconv.Itoa(wire.MaxBatch)))
	}
	if len(items) == 0 {
		return nil, nil
	}
	var out wire.HeartbeatResults
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: "/registry/heartbeats",
		body: wire.Heartbeats{Items: items}, repeat: true,
	}, &out)
	if err != nil {
		return nil, err
	}
	if len(out.Results) != len(items) {
		return nil, fmt.Errorf("%s: %d results for %d items", op, len(out.Results), len(items))
	}
	return out.Results, nil
}
