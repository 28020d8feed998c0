package redis

import (
	"context"
	"errors"
	"strconv"
	"time"

	driver "github.com/redis/go-redis/v9"

	"github.com/roster-sd/roster/store"
)

const (
	// block is how long one read waits for news at most.
	block = 200 * time.Millisecond
	// retryAfter is the pause after a read that failed.
	retryAfter = 50 * time.Millisecond
	// leastWait is what a read is given at least, however long Redis has been mute.
	leastWait = 300 * time.Millisecond
	// atOnce is how many entries one read gives at most.
	atOnce = 500
)

// read waits for news and takes in what there is. alive is when Redis last answered.
func (f *feed) read(alive time.Time) error {
	f.mu.Lock()
	e, last, nonce, client := f.epoch, f.last, f.nonce, f.client
	f.mu.Unlock()
	ctx, cancel := context.WithDeadline(f.s.life, later(alive.Add(f.s.opts.mute), time.Now().Add(leastWait)))
	defer cancel()
	if e == nil {
		return f.join(ctx)
	}
	r, err := f.await(ctx, client, e, last)
	if err != nil {
		return err
	}
	switch r.code() {
	case done:
	case compacted:
		return f.lose(e)
	default:
		// The epoch is over, or must be: the entry is missing where others are.
		return f.look(ctx, e, r.code() == moved)
	}
	f.s.heard()
	return f.take(ctx, e, nonce, r)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// await waits until there is something behind the last entry, or for a while, and reads from
// the last entry on, that one included: one that is another tells of a past that was
// rewritten. Both are sent at once, so that the reading follows the waiting without a round
// trip.
func (f *feed) await(ctx context.Context, client *driver.Client, e *epoch, last uint64) (reply, error) {
	args := []any{e.text, e.seen.Load(), last, atOnce}
	pipe := client.Pipeline()
	wait := pipe.Do(ctx, "xread", "count", 1, "block", block.Milliseconds(), "streams", f.s.stream(), strconv.FormatUint(last, 10)+"-0")
	read := pipe.EvalSha(ctx, scriptFeed.sha, f.s.keys, args...)
	_, _ = pipe.Exec(ctx) // both say themselves what became of them
	if err := wait.Err(); err != nil && !errors.Is(err, driver.Nil) {
		return nil, err
	}
	v, err := read.Slice()
	if serverSays(err, "NOSCRIPT") {
		return f.s.evalOn(ctx, client, scriptFeed, args)
	}
	if err == nil && len(v) == 0 {
		err = errAnswer
	}
	return v, err
}

func (s *Store) stream() string { return "{" + s.opts.Prefix + "}:x" }

// look finds out what became of an epoch, and leaves it if it is over.
func (f *feed) look(ctx context.Context, e *epoch, rewritten bool) error {
	if err := f.s.look(ctx, e, rewritten); err != nil {
		return err
	}
	f.begin(f.s.epoch.Load())
	return nil
}

// join stands at the end of the stream of the present epoch.
func (f *feed) join(ctx context.Context) error {
	r, e, err := f.s.run(ctx, scriptPosition, "")
	if err != nil {
		return err
	}
	if r.code() != done {
		return f.look(ctx, e, true)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch == nil {
		f.stand(e, r.number(1), r.text(3))
		f.announce()
	}
	return nil
}

// lose breaks the watchers, of whom some miss what was trimmed, and goes on at the end.
func (f *feed) lose(e *epoch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoch == e {
		f.epoch = nil
		f.breakAll(store.ErrCompacted, errShort)
	}
	return nil
}

// take takes in entries that begin with the last one that is known.
func (f *feed) take(ctx context.Context, e *epoch, nonce string, r reply) error {
	events, err := follow(e, nonce, r.list(2))
	if errors.Is(err, errRewritten) {
		return f.look(ctx, e, true)
	}
	if err != nil {
		return err
	}
	e.saw(r.number(1))
	f.add(e, events)
	return nil
}

var errRewritten = errors.New("the stream in redis has other entries than those that were read")

// follow reads entries, of which the first is one that is known by its nonce, and gives the
// events after it.
func follow(e *epoch, nonce string, entries reply) ([]told, error) {
	events := make([]told, 0, len(entries))
	at := uint64(0)
	for i, v := range entries {
		en, err := entryOf(v)
		switch {
		case err != nil:
			return nil, err
		case i == 0 && en.nonce != nonce, i > 0 && en.number != at+1, i > 0 && en.epoch != e.text:
			return nil, errRewritten
		}
		if at = en.number; i == 0 {
			continue
		}
		ev, err := en.event()
		if err != nil {
			return nil, err
		}
		events = append(events, told{ev, en.nonce})
	}
	return events, nil
}
