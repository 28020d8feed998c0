package etcd

import (
	"context"
	"errors"
	"time"
)

var errOutOfReach = errors.New("etcd does not answer")

// pulse looks at etcd several times a second: whether it answers, whether the epoch is
// still the same, and whether the watch keeps up. It is what tells watchers, and through
// them everybody else, that etcd is out of reach.
func (f *feed) pulse() {
	silence := f.s.opts.Silence
	tick := time.NewTicker(silence / 4)
	defer tick.Stop()
	for {
		f.beat(silence / 2)
		f.tellReach(f.s.contact.isLost())
		f.stream.abort(silence)
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return
		}
	}
}

// beat asks once. An answer of another epoch ends the feed by itself.
func (f *feed) beat(within time.Duration) {
	ctx, cancel := context.WithTimeout(f.ctx, within)
	defer cancel()
	c := &call{s: f.s, op: "watch", ctx: ctx, caller: ctx}
	if a, err := c.read(); err == nil && uint64(a.rev) > f.at() {
		f.stream.kick()
	}
}

func (f *feed) tellReach(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.over != nil:
	case down && f.down == nil:
		f.down = errOutOfReach
		f.s.opts.Logger.Warn("etcd: out of reach")
		f.tell()
	case !down && f.down != nil:
		f.down = nil
		f.s.opts.Logger.Info("etcd: in reach again")
	}
}
