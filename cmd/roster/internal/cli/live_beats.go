package cli

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
	"golang.org/x/sync/errgroup"
)

// Heartbeats change no revision and wake no watch, so a live table asks for them: for
// what is on the screen and nothing else, however many instances there are.

// stretch is a run of instances of one service, in the registry's order.
type stretch struct {
	service, after string
	limit          int
}

const (
	// maxSkip is how many instances between two on the screen are rather read than left
	// out by one more call.
	maxSkip = 16
	// maxStretches is how many calls are made in one round. Where the screen shows more
	// services than that, they take turns.
	maxStretches = 64
	// together is how many calls are under way at a time.
	together = 4
)

// stretches gives the calls that read the heartbeats of the rows on the screen.
func (r *roll) stretches(rows []*entry) []stretch {
	order := r.list()
	var list []stretch
	last := -1 // where the instance before stands in order
	for _, e := range rows {
		if e.gone() {
			continue
		}
		i, ok := slices.BinarySearchFunc(order, e, func(a, b *entry) int {
			return cmp.Or(cmp.Compare(a.in.ServiceName, b.in.ServiceName), cmp.Compare(a.in.InstanceID, b.in.InstanceID))
		})
		if !ok {
			continue
		}
		if n := len(list); n > 0 && list[n-1].service == e.in.ServiceName && i-last <= maxSkip {
			list[n-1].limit += i - last
		} else {
			s := stretch{service: e.in.ServiceName, limit: 1}
			if i > 0 && order[i-1].in.ServiceName == s.service {
				s.after = order[i-1].in.InstanceID
			}
			list = append(list, s)
		}
		last = i
	}
	return list
}

// turn gives the stretches whose turn it is in a round.
func turn(list []stretch, round int) []stretch {
	if len(list) <= maxStretches {
		return list
	}
	from := round * maxStretches % len(list)
	return slices.Concat(list, list)[from : from+maxStretches]
}

// beats reads the instances of the stretches. The freshness is that of the stalest answer.
func (f *feed) beats(ctx context.Context, list []stretch) ([]wire.Instance, client.Freshness, error) {
	c := f.client.Load()
	var mu sync.Mutex
	var all []wire.Instance
	var stalest client.Freshness
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(together)
	for _, s := range list {
		group.Go(func() error {
			var fresh client.Freshness
			answer, err := c.Service(ctx, s.service, client.ServiceOptions{
				Filter: f.filter, Limit: s.limit, After: s.after, ReadOptions: client.ReadOptions{Freshness: &fresh},
			})
			mu.Lock()
			defer mu.Unlock()
			all = append(all, answer.Instances...)
			if fresh.Stale && fresh.Age >= stalest.Age {
				stalest = fresh
			}
			return err
		})
	}
	err := group.Wait()
	return all, stalest, err
}
