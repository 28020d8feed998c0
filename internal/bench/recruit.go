package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/roster-sd/roster/internal/bench/rawclient"
	"github.com/roster-sd/roster/wire"
)

// recruit registers n instances over many connections and tells how far it is. They are
// in the order of describe's numbers.
func (r *runner) recruit(ctx context.Context, target Target, n int, describe func(i int) wire.Registration) ([]Registered, error) {
	const each = 10 * time.Millisecond // slower, and something is wrong
	ctx, cancel := context.WithTimeout(ctx, 2*patience+time.Duration(n)*each)
	defer cancel()
	load := &Load{Requests: make([]Request, 1), Status: http.StatusCreated, MaxBody: 64 << 10}
	out := make([]Registered, n)
	var next, done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range min(r.options.Connections, n) {
		group.Go(func() error {
			conn, err := load.converse(ctx, target, 0, 1)
			if err != nil {
				return err
			}
			defer conn.hangUp()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if out[i], err = conn.register(describe(i)); err != nil {
					return err
				}
				done.Add(1)
			}
			return ctx.Err()
		})
	}
	told := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(told)
		r.tellRecruits(stop, &done, n)
	}()
	err := group.Wait()
	close(stop)
	<-told
	if err != nil {
		return nil, fmt.Errorf("register %d instances: %w", n, err)
	}
	return out, nil
}

// tellRecruits tells from time to time how many are registered, until stop.
func (r *runner) tellRecruits(stop <-chan struct{}, done *atomic.Int64, n int) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.progress.printf("registered %s of %s instances\n", grouped(float64(done.Load())), grouped(float64(n)))
		case <-stop:
			return
		}
	}
}

// register registers an instance over a connection whose load is of registrations.
func (c *conversation) register(in wire.Registration) (Registered, error) {
	raw := rawclient.Post(c.conn.RemoteAddr().String(), "/registry/register", "", mustJSON(in))
	body, err := c.ask(&Request{Bytes: raw}, false)
	if err != nil {
		return Registered{}, err
	}
	var said struct {
		Token string `json:"token"`
		TTL   int64  `json:"ttl"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return Registered{}, fmt.Errorf("register %s: %w", in.InstanceID, err)
	}
	if said.Token == "" || said.TTL < *in.TTL {
		return Registered{}, fmt.Errorf("register %s: granted %d ms of %d, token of %d bytes", in.InstanceID, said.TTL, *in.TTL, len(said.Token))
	}
	return Registered{Service: in.ServiceName, ID: in.InstanceID, Token: said.Token}, nil
}
