//go:build unix

package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// anyNode checks that any node takes any call at once, whatever its own view has seen yet:
// register on A, heartbeat on B, rotate on C, use the new token on A, register again on B,
// heartbeat with its token on C, resolve on all, and deregister on A while heartbeats
// run on B. None of that is ever answered with a 401, 404, 409 or 410, until the instance
// has left, and then nothing brings it back.
func anyNode(t *testing.T, name string, c *cluster) {
	const callers = 4
	rounds := 25
	if long {
		rounds = 500
	}
	w := &wanderers{t: t, cluster: c}
	for node := range c.nodes {
		w.clients = append(w.clients, c.client(node, 5*time.Second))
	}
	var work sync.WaitGroup
	for i := range callers {
		work.Go(func() {
			for round := range rounds {
				if t.Failed() {
					return
				}
				w.round(fmt.Sprintf("any-%d-%d", i, round), round)
			}
		})
	}
	work.Wait()
	t.Logf("%s: %d rounds, %d calls answered as they should be", name, callers*rounds, w.calls.Load())
}

type wanderers struct {
	t       *testing.T
	cluster *cluster
	clients []*client.Client
	calls   atomic.Int64
}

// fine counts a call that must not fail.
func (w *wanderers) fine(what string, node int, err error) bool {
	if err != nil {
		w.t.Errorf("%s on node %d: %v", what, node, err)
		return false
	}
	w.calls.Add(1)
	return true
}

func (w *wanderers) round(service string, shift int) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patient)
	defer cancel()
	at := func(i int) int { return (i + shift) % len(w.clients) }
	a, b, c := at(0), at(1), at(2)
	ttl := (30 * time.Second).Milliseconds()
	in := wire.Registration{ServiceName: service, InstanceID: "i", Address: "10.0.0.1", Port: 1, TTL: &ttl}
	ref := wire.InstanceRef{ServiceName: service, InstanceID: "i"}
	beat := func(what string, node int, token string) bool {
		_, err := w.clients[node].Heartbeat(ctx, ref, token)
		return w.fine(what, node, err)
	}

	first, err := w.clients[a].RegisterOnce(ctx, in, "")
	if !w.fine("register", a, err) || !beat("a heartbeat at once", b, first.Token) {
		return
	}
	rotated, err := w.clients[c].RotateToken(ctx, ref, first.Token)
	if !w.fine("rotate", c, err) || !beat("a heartbeat with the rotated token", a, rotated.Token) {
		return
	}
	second, err := w.clients[b].RegisterOnce(ctx, in, rotated.Token)
	if !w.fine("register again", b, err) || !beat("a heartbeat with the second life's token", c, second.Token) {
		return
	}
	got, err := w.clients[b].Resolve(ctx, service, client.ResolveOptions{})
	if w.fine("resolve where it was registered", b, err) && got.InstanceID != "i" {
		w.t.Errorf("resolved %+v", got)
	}
	for node := range w.clients {
		w.soon(ctx, "resolve", node, func() bool {
			_, err := w.clients[node].Resolve(ctx, service, client.ResolveOptions{})
			return err == nil
		})
	}
	// The first life's token is dead everywhere, soon.
	for node := range w.clients {
		w.soon(ctx, "refuse the first life's token", node, func() bool {
			_, err := w.clients[node].Heartbeat(ctx, ref, rotated.Token)
			return errors.Is(err, client.ErrLeaseLost)
		})
	}
	w.leave(ctx, ref, second.Token, a, b)
}

// leave deregisters on one node while heartbeats run on another.
func (w *wanderers) leave(ctx context.Context, ref wire.InstanceRef, token string, a, b int) {
	var left atomic.Bool
	var beating sync.WaitGroup
	beating.Go(func() {
		for after := 0; after < 5; {
			gone := left.Load()
			_, err := w.clients[b].Heartbeat(ctx, ref, token)
			var e *client.Error
			switch {
			case err == nil && gone:
				w.t.Errorf("%s/%s: a heartbeat on node %d was taken after it had left", ref.ServiceName, ref.InstanceID, b)
			case err == nil:
			case errors.As(err, &e) && e.Status == 410 && e.Reason == "deregistered":
				after++
				time.Sleep(20 * time.Millisecond) // a node looks up only so many dead tokens a second
			case errors.Is(err, client.ErrRateLimited) && after > 0:
				time.Sleep(100 * time.Millisecond)
				continue
			default:
				w.t.Errorf("a heartbeat on node %d while it leaves: %v", b, err)
				return
			}
			w.calls.Add(1)
		}
	})
	if w.fine("deregister", a, w.clients[a].Deregister(ctx, ref, token, "")) {
		left.Store(true)
	}
	beating.Wait()
	for node := range w.clients {
		w.soon(ctx, "have it no more", node, func() bool {
			_, err := w.clients[node].Resolve(ctx, ref.ServiceName, client.ResolveOptions{})
			return errors.Is(err, client.ErrNotFound)
		})
	}
	// A heartbeat that was under way has not brought it back.
	got, err := w.clients[b].Service(ctx, ref.ServiceName, client.ServiceOptions{ReadOptions: client.ReadOptions{Consistent: true}})
	if w.fine("list", b, err) && len(got.Instances) > 0 {
		w.t.Errorf("it is back: %+v", got.Instances)
	}
}

// within is how long what happened on one node may take to be known on the others. The
// figure to reach is checked under load by I3; here it is that it happens.
const within = 2 * time.Second

func (w *wanderers) soon(ctx context.Context, what string, node int, is func() bool) {
	deadline := time.Now().Add(within)
	for !is() {
		if time.Now().After(deadline) || ctx.Err() != nil {
			w.t.Errorf("node %d does not %s within %s", node, what, within)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.calls.Add(1)
}
