package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/roster-sd/roster/wire"
)

// CheckPolicy asks what would be decided of an identity, without doing anything. Only
// administrators may; others get ErrForbidden.
func (c *Client) CheckPolicy(ctx context.Context, q wire.PolicyQuestion) (wire.PolicyDecision, error) {
	var out wire.PolicyDecision
	err := c.do(ctx, call{
		op: "check policy", method: http.MethodPost, path: "/registry/admin/policies/check", body: q, repeat: true,
	}, &out)
	return out, err
}

// SetOverride puts an administrator's word over an instance, for a time.
func (c *Client) SetOverride(ctx context.Context, ref wire.InstanceRef, q wire.OverrideRequest) (wire.OverrideEntry, error) {
	var out wire.OverrideEntry
	path, err := servicePath("admin/overrides", ref.ServiceName, ref.InstanceID)
	if err != nil {
		return out, err
	}
	err = c.do(ctx, call{op: "override " + name(ref), method: http.MethodPut, path: path, body: q, repeat: true}, &out)
	return out, err
}

// LiftOverride ends an override before its time; ErrNotFound: there is none.
func (c *Client) LiftOverride(ctx context.Context, ref wire.InstanceRef) error {
	path, err := servicePath("admin/overrides", ref.ServiceName, ref.InstanceID)
	if err != nil {
		return err
	}
	return c.do(ctx, call{op: "lift override of " + name(ref), method: http.MethodDelete, path: path, repeat: true}, nil)
}

// Overrides lists what administrators have said of instances and still stands.
func (c *Client) Overrides(ctx context.Context) (wire.Overrides, error) {
	var out wire.Overrides
	err := c.do(ctx, call{op: "list overrides", method: http.MethodGet, path: "/registry/admin/overrides", repeat: true}, &out)
	return out, err
}

// ErrCutOff is the error of a dump that lacks its end.
var ErrCutOff = errors.New("the dump was cut off")

// Dump gives every line of the registry's dump as it comes, first that of the registry, last
// that of the end. The sequence ends after an error, of which ErrCutOff says that lines are
// missing. Only administrators may; others get ErrForbidden.
func (c *Client) Dump(ctx context.Context) iter.Seq2[wire.DumpLine, error] {
	return func(yield func(wire.DumpLine, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var resp *http.Response
		err := c.failover(ctx, true, func(base string) (bool, error) {
			var err error
			resp, err = c.openDump(ctx, base) //nolint:bodyclose // it is closed below
			return true, err
		})
		if err != nil {
			yield(wire.DumpLine{}, fmt.Errorf("dump: %w", err))
			return
		}
		defer resp.Body.Close()
		lines := bufio.NewScanner(resp.Body)
		lines.Buffer(nil, maxEvent)
		for n := 0; lines.Scan(); n++ {
			var line wire.DumpLine
			if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
				yield(line, fmt.Errorf("dump: line %d: %w", n+1, err))
				return
			}
			if !yield(line, nil) {
				return
			}
			if line.Kind == wire.DumpEnd {
				return
			}
		}
		if ctx.Err() != nil {
			yield(wire.DumpLine{}, ctx.Err())
			return
		}
		yield(wire.DumpLine{}, fmt.Errorf("dump: %w", errors.Join(ErrCutOff, lines.Err())))
	}
}

// openDump waits for the begin of a dump. How long the whole takes is for the caller's
// context to bound.
func (c *Client) openDump(ctx context.Context, base string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(c.timeout, func() { cancel(fmt.Errorf("nothing within %s", c.timeout)) })
	req, err := c.request(ctx, base, call{method: http.MethodGet, path: "/registry/admin/dump"}, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", wire.ContentTypeLines+", "+wire.ContentTypeProblem)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.networkError(ctx, base, c.timeout, err)
	}
	slow.Stop()
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && media == wire.ContentTypeLines {
		return resp, nil
	}
	defer resp.Body.Close()
	data, err := c.read(resp.Body)
	if err != nil {
		return nil, c.networkError(ctx, base, c.timeout, err)
	}
	return nil, answerError(base, resp, data, time.Now())
}
