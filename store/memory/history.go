package memory

import (
	"context"
	"slices"

	"github.com/roster-sd/roster/store"
)

// History gives the newest events that match, from the same log that watchers read. It
// reads the log in portions, newest first; what is overwritten meanwhile is left out.
func (s *Store) History(ctx context.Context, sel store.Selector, limit int) ([]store.Event, error) {
	found := []event{}
	if err := s.enter(ctx, "history", store.Key{}); err != nil {
		return nil, err
	}
	position, epoch := s.log.next, s.revision.Epoch
	for {
		for n := 8 * portion; n > 0 && position > s.log.first && len(found) < limit; n-- {
			position--
			if e := s.log.at(position); sel.Matches(e.key()) {
				found = append(found, *e)
			}
		}
		more := position > s.log.first && len(found) < limit
		s.mu.Unlock()
		if !more {
			events := make([]store.Event, 0, len(found))
			for _, e := range slices.Backward(found) {
				events = append(events, e.event(epoch))
			}
			return events, nil
		}
		if err := s.enter(ctx, "history", store.Key{}); err != nil {
			return nil, err
		}
	}
}
