package redis

import (
	"context"
	"slices"

	"github.com/roster-sd/roster/store"
)

// History gives the newest events that match, from the stream that watchers read. Those of
// earlier epochs are among them, under their own.
func (s *Store) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	c, err := s.enter(ctx, "history", store.Key{})
	if err != nil {
		return nil, err
	}
	defer c.leave()
	events := []store.Event{}
	from := "+"
	for left := s.opts.StreamLength; left > 0 && len(events) < limit; {
		n := min(portion, left, 8*min(limit-len(events), portion))
		r, _, err := s.run(c.ctx, scriptHistory, from, n, part.Replace(sel.Kind), part.Replace(sel.Service), sel.ID)
		if err != nil {
			return nil, c.failed(err)
		}
		for _, v := range r.list(3) {
			if len(events) == limit {
				break
			}
			en, err := entryOf(v)
			if err != nil {
				return nil, c.failed(err)
			}
			ev, err := en.event()
			if err != nil {
				return nil, c.failed(err)
			}
			events = append(events, ev)
		}
		if r.text(2) == "" {
			break
		}
		from, left = "("+r.text(2), left-n
		c.again()
	}
	slices.Reverse(events)
	return events, nil
}
