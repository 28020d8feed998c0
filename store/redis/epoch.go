package redis

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	mathrand "math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/roster-sd/roster/store"
)

// epoch is one past of the keyspace.
type epoch struct {
	id   uint64
	text string
	seen atomic.Uint64 // the highest revision that this node has seen in it
}

func (e *epoch) saw(number uint64) {
	for {
		seen := e.seen.Load()
		if number <= seen || e.seen.CompareAndSwap(seen, number) {
			return
		}
	}
}

func (e *epoch) revision(number uint64) store.Revision {
	return store.Revision{Epoch: e.id, Number: number}
}

// known gives the present epoch, and finds it out first if need be.
func (s *Store) known(ctx context.Context) (*epoch, error) {
	for {
		if e := s.epoch.Load(); e != nil {
			return e, nil
		}
		if err := s.look(ctx, nil, false); err != nil {
			return nil, err
		}
	}
}

// look finds out the epoch after old, which is nil at first. rewritten says that the caller has
// found the past of old to be another; otherwise the epoch may turn out to be the old one.
// When it is back, everybody who must know of the change knows.
func (s *Store) look(ctx context.Context, old *epoch, rewritten bool) error {
	select {
	case s.looking <- struct{}{}:
		defer func() { <-s.looking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.epoch.Load() != old {
		return nil // somebody else was here
	}
	believed, seen, force := "", uint64(0), ""
	if old != nil {
		believed, seen = old.text, old.seen.Load()
	}
	if rewritten {
		force = "1"
	}
	asked := s.clock.now()
	r, err := s.eval(ctx, scriptLook, []any{believed, seen, nonce(), s.opts.StreamLength, hexText(newEpoch()), force})
	if err != nil {
		return err
	}
	number, at, why := r.number(2), r.integer(3), r.text(4)
	if old != nil && r.text(1) == old.text {
		old.saw(number)
		s.heard()
		s.observe(asked, at)
		return nil
	}
	e := &epoch{text: r.text(1)}
	if e.id, err = strconv.ParseUint(e.text, 16, 64); err != nil {
		return fmt.Errorf("%w: epoch %q", errAnswer, e.text)
	}
	e.seen.Store(number)
	if why != "" {
		s.opts.Logger.Info("began a new epoch in Redis", "epoch", e.id, "because", because[why])
	}
	if old != nil {
		s.disturbed("Redis has a new epoch: "+becauseOf(why), 0)
	} else {
		s.heard()
	}
	s.clock.restart()
	s.observe(asked, at)
	s.epoch.Store(e)
	s.feed.begin(e)
	return nil
}

var because = map[string]string{
	"empty":     "it held nothing",
	"restarted": "it was restarted",
	"promoted":  "its replication began anew",
	"rewritten": "its past was rewritten",
}

func becauseOf(why string) string {
	if why == "" {
		return "another node saw why"
	}
	return because[why]
}

func newEpoch() uint64 {
	var b [8]byte
	for {
		rand.Read(b[:]) // never fails: crypto/rand ends the process instead
		if id := binary.LittleEndian.Uint64(b[:]); id != 0 {
			return id
		}
	}
}

// nonce tells the entries of one call from what another past has in their place.
func nonce() string { return hexText(mathrand.Uint64()) }

func hexText(n uint64) string { return string(appendHex(make([]byte, 0, 16), n)) }
