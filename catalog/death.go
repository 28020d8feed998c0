package catalog

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/store"
)

// How the reasons are asked for of records that a list lacks: the view stands still until
// they are known.
const (
	maxQuestions    = 10_000
	questionsAtOnce = 32
	questionsFor    = time.Second
)

// death is what the store says of a record that left while the feed did not tell.
type death struct {
	why    store.Reason
	tokens *store.Tokens // of the last form of the record, nil where that is not known
}

// last is the record as the store last had it, as far as that is known.
func (d *death) last(r *store.Packed) *store.Packed {
	if d.tokens == nil || *d.tokens == r.Tokens() {
		return r
	}
	last := r.Record()
	last.Tokens = *d.tokens
	return store.Pack(last)
}

// deaths asks the store why records left. What is not known is said to have expired. The
// first question is asked alone: a store that does not answer it is asked no more.
func (c *Catalog) deaths(ctx context.Context, records []*store.Packed) []death {
	out := make([]death, len(records))
	for i := range out {
		out[i].why = store.Reason{Code: store.Expired}
	}
	records = records[:min(len(records), maxQuestions)]
	ctx, cancel := context.WithTimeout(ctx, questionsFor)
	defer cancel()
	if len(records) == 0 || !c.death(ctx, records[0], &out[0]) {
		return out
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(questionsAtOnce, len(records)-1) {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i >= len(records) || !c.death(ctx, records[i], &out[i]) {
					return
				}
			}
		})
	}
	wg.Wait()
	return out
}

// death asks of one; false: there was no answer.
func (c *Catalog) death(ctx context.Context, r *store.Packed, d *death) bool {
	stones, err := c.opts.Store.Tombstones(ctx, r.Key())
	if err != nil {
		return false
	}
	// The tombstone of an earlier life says nothing of this one, and one that was replaced
	// did not leave: by now, the key lives in a later generation.
	if len(stones) > 0 && stones[0].Record.Generation >= r.Generation() && stones[0].Reason.Code != store.Replaced {
		if d.why = stones[0].Reason; stones[0].Record.Generation == r.Generation() {
			d.tokens = &stones[0].Record.Tokens
		}
	}
	return true
}
