package etcd

import (
	"context"
	"sync"

	"github.com/roster-sd/roster/store"
)

// turns lets the updates of one key on this node go one after another. Without it those
// that contend would read, change and lose to each other, again and again until their
// time is over; etcd's own comparison still decides between nodes.
type turns struct {
	mu   sync.Mutex
	keys map[store.Key]*turn
}

type turn struct {
	free  chan struct{} // holds one when nobody has the turn
	users int           // who have it or wait for it
}

// take waits for the turn of a key, and gives the function that passes it on.
func (t *turns) take(ctx context.Context, key store.Key) (pass func(), err error) {
	t.mu.Lock()
	if t.keys == nil {
		t.keys = make(map[store.Key]*turn)
	}
	one := t.keys[key]
	if one == nil {
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		t.keys[key] = one
	}
	one.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(t.keys, key)
		}
	}
	select {
	case <-one.free:
		return func() {
			one.free <- struct{}{}
			leave()
		}, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
