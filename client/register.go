package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/roster-sd/roster/wire"
)

// RegisterOnce puts an instance into the registry, or replaces the one of the same ID. The
// token, which may be empty, is that of the life to be replaced; the identity that
// registered it needs none. Another holder's live instance is ErrConflict.
//
// Without an ID the registry makes one, and the call is not sent a second time when its
// outcome is unknown: the first one may have registered an instance, which then lives
// until its TTL is over.
func (c *Client) RegisterOnce(ctx context.Context, in wire.Registration, token string) (wire.Registered, error) {
	var out wire.Registered
	err := c.do(ctx, call{
		op: "register " + in.ServiceName, method: http.MethodPost, path: "/registry/register",
		token: token, body: in, repeat: in.InstanceID != "",
	}, &out)
	return out, err
}

// RotateToken gives the instance a new token. The one that was used last stays good
// until the new one is first used, so that a lost answer locks nobody out.
func (c *Client) RotateToken(ctx context.Context, ref wire.InstanceRef, token string) (wire.Token, error) {
	return c.rotateToken(ctx, ref, token, 0)
}

// rotateToken is RotateToken with a limit of its own for each address, 0 for the client's.
func (c *Client) rotateToken(ctx context.Context, ref wire.InstanceRef, token string, within time.Duration) (wire.Token, error) {
	var out wire.Token
	err := c.do(ctx, call{
		op: "rotate token of " + name(ref), method: http.MethodPost, path: "/registry/token/rotate",
		token: token, body: ref, repeat: true, timeout: min(within, c.timeout),
	}, &out)
	return out, err
}

// Patch changes status, weight, metadata or tags of a live instance and gives the
// instance as it then is. An administrator needs no token.
func (c *Client) Patch(ctx context.Context, ref wire.InstanceRef, token string, change wire.Patch) (wire.Instance, error) {
	out, _, err := c.PatchTold(ctx, ref, token, change, 0)
	return out, err
}

// maxTold is the longest that the registry lets a change wait for its watchers.
const maxTold = 30 * time.Second

// PatchTold is [Client.Patch] whose answer comes when those who watch the service on the
// node that answers have been told, or within, 30 s at most, is over: told says which.
func (c *Client) PatchTold(ctx context.Context, ref wire.InstanceRef, token string, change wire.Patch, within time.Duration) (out wire.Instance, told bool, err error) {
	path, err := servicePath("services", ref.ServiceName, ref.InstanceID)
	if err != nil {
		return out, false, err
	}
	q := call{
		op: "patch " + name(ref), method: http.MethodPatch, path: path,
		token: token, body: change, repeat: true,
	}
	if within = min(within, maxTold); within > 0 {
		q.query = url.Values{"told": {within.String()}}
		q.timeout = within + c.timeout
		q.header = func(h http.Header) { told = h.Get(wire.HeaderTold) == "true" }
	}
	err = c.do(ctx, q, &out)
	return out, told, err
}

// Deregister removes an instance. The reason, which may be empty, is kept in the event.
// An administrator needs no token. It is no error if the instance was deregistered
// before: the answer to an earlier try may have been lost.
func (c *Client) Deregister(ctx context.Context, ref wire.InstanceRef, token, reason string) error {
	path, err := servicePath("services", ref.ServiceName, ref.InstanceID)
	if err != nil {
		return err
	}
	query := url.Values{}
	if reason != "" {
		query.Set("reason", reason)
	}
	err = c.do(ctx, call{
		op: "deregister " + name(ref), method: http.MethodDelete, path: path,
		token: token, query: query, repeat: true,
	}, nil)
	var e *Error
	if errors.As(err, &e) && errors.Is(e, ErrLeaseLost) && e.Reason == "deregistered" {
		return nil
	}
	return err
}

func name(ref wire.InstanceRef) string { return ref.ServiceName + "/" + ref.InstanceID }
