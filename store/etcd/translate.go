package etcd

import (
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/roster-sd/roster/store"
)

// errLost says that etcd no longer has what an event needs.
var errLost = &refusal{store.ErrCompacted, errors.New("etcd no longer knows what was removed")}

// errEpoch says that the feed's epoch is over.
var errEpoch = &refusal{store.ErrCompacted, errors.New("another epoch began")}

// Is lets a refusal be matched with its kind.
func (r *refusal) Is(target error) bool { return r.kind == target }

// translate makes events of one revision of etcd's. latest is the latest time that was
// seen, and is moved. now is the present, for an expiry that happens now; zero for a past
// that is read.
func (f *feed) translate(revision []*mvccpb.Event, latest *store.Millis, now store.Millis) ([]store.Event, error) {
	s := f.s
	stones := make(map[store.Key]store.Tombstone)
	for _, ev := range revision {
		put := ev.Type == mvccpb.Event_PUT
		if string(ev.Kv.Key) == s.keys.meta {
			// Where meta is gone, or another, nothing else of the revision means anything.
			if err := f.sameEpoch(ev, put); err != nil {
				return nil, err
			}
		} else if put {
			if stone, ok := s.decodeStone(ev.Kv, f.epoch); ok {
				stones[stone.Record.Key] = stone
			}
		}
	}
	var out []store.Event
	for _, ev := range revision {
		key, ok := s.keys.recordKey(ev.Kv.Key)
		if !ok {
			continue
		}
		told := store.Event{Revision: store.Revision{Epoch: f.epoch, Number: uint64(ev.Kv.ModRevision)}}
		if ev.PrevKv != nil {
			before, _ := s.decode(ev.PrevKv, f.epoch)
			told.Before = before.rec
		}
		if ev.Type == mvccpb.Event_PUT {
			e, _ := s.decode(ev.Kv, f.epoch)
			if e.bad != nil {
				continue // logged; who lists does not see it either
			}
			told.Record, told.Reason, told.Time = e.rec, e.meta.Why, e.meta.Time
		} else {
			if told.Before == nil {
				return nil, errLost
			}
			told.Reason, told.Time = f.death(told.Before, stones[key], max(now, *latest))
			if !told.Reason.Meant() || stones[key].Record == nil {
				s.graves.add(store.Tombstone{Record: remains(told.Before), Reason: told.Reason, Revision: told.Revision, Time: told.Time})
			}
		}
		if old := told.Before; now != 0 && old != nil && (told.Record == nil || told.Record.Lease != old.Lease) {
			s.ended.add(old.Lease)
		}
		*latest = max(*latest, told.Time)
		out = append(out, told)
	}
	return out, nil
}

// death tells why and when a record left: as its tombstone says, as this node remembers,
// or else because its time ran out.
func (f *feed) death(rec *store.Record, stone store.Tombstone, at store.Millis) (store.Reason, store.Millis) {
	if stone.Record != nil {
		return stone.Reason, stone.Time
	}
	if why, at, ok := f.s.graves.told(rec); ok {
		return why, at
	}
	return store.Reason{Code: store.Expired}, max(at, rec.RegisteredAt)
}

// sameEpoch checks an event of meta.
func (f *feed) sameEpoch(ev *mvccpb.Event, put bool) error {
	if !put {
		return errEpoch
	}
	ep, err := parseMeta(ev.Kv.Value, f.cluster)
	if err != nil {
		return err
	}
	if ep.id != f.epoch {
		return errEpoch
	}
	return nil
}

// begins tells whether the epoch begins with a revision.
func (f *feed) begins(revision []*mvccpb.Event) bool {
	for _, ev := range revision {
		if string(ev.Kv.Key) != f.s.keys.meta || ev.Type != mvccpb.Event_PUT {
			continue
		}
		if ev.PrevKv == nil {
			return true
		}
		before, err := parseMeta(ev.PrevKv.Value, f.cluster)
		return err != nil || before.id != f.epoch
	}
	return false
}
