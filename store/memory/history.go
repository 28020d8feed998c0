package memory

import (
	"context"
	"slices"

	"github.com/roster-sd/roster/store"
)

// History gives the newest events that match, from the same log that watchers read. It
// reads the log in portions, newest first; what is overwritten meanwhile is left out.
func (s *Store) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	events := []store.Event{}
	if err := s.enter(ctx, "history", store.Key{}); err != nil {
		return nil, err
	}
	position := s.log.next
	for {
		for n := 8 * portion; n > 0 && position > s.log.first && len(events) < limit; n-- {
			position--
			if e := s.log.at(position); sel.Matches(e.Key()) {
				events = append(events, *e)
			}
		}
		more := position > s.log.first && len(events) < limit
		s.mu.Unlock()
		if !more {
			slices.Reverse(events)
			return events, nil
		}
		if err := s.enter(ctx, "history", store.Key{}); err != nil {
			return nil, err
		}
	}
}
