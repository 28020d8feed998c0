package etcd

import (
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
)

// What etcd knows by itself is not in a stored value: the key, the lease, the revision.
// A generation of zero is that of the registration which wrote the value: its revision
// plus the base in the member for the revision's number. A zero Changed is the value's
// revision.

// entry is a record with what is stored beside it.
type entry struct {
	rec  *store.Record
	raw  *mvccpb.KeyValue
	meta codec.Stored // Why, Time and Rest; its Record is not used
	bad  error        // the value is in no form that this build reads; rec is only a key
}

// revision is the number of the revision that wrote the entry; zero for none.
func (e *entry) revision() int64 {
	if e == nil {
		return 0
	}
	return e.raw.ModRevision
}

// encodeNew gives the value of a registration. A generation that is not zero is kept.
func encodeNew(rec *store.Record, base uint64, why store.Reason, at store.Millis) (string, error) {
	kept := *rec
	kept.Key, kept.Lease, kept.Changed = store.Key{}, 0, 0
	kept.Revision = store.Revision{Number: base}
	if rec.Generation != 0 {
		kept.Revision = store.Revision{}
	}
	return text(&codec.Stored{Record: kept, Why: why, Time: at})
}

// encodeNext gives the value of a change. A Changed of zero means: with this change.
func encodeNext(rec *store.Record, was *entry, why store.Reason, at store.Millis) (string, error) {
	kept := *rec
	kept.Key, kept.Lease, kept.Revision = store.Key{}, 0, store.Revision{}
	return text(&codec.Stored{Record: kept, Why: why, Time: at, Rest: was.meta.Rest})
}

// encodeStone gives the value of a tombstone.
func encodeStone(rec *store.Record, why store.Reason, at store.Millis) (string, error) {
	kept := remains(rec)
	kept.Key, kept.Revision.Epoch = store.Key{}, 0
	return text(&codec.Stored{Record: *kept, Why: why, Time: at})
}

func text(s *codec.Stored) (string, error) {
	b, err := codec.Append(nil, s)
	if err != nil {
		return "", &refusal{store.ErrInvalid, err}
	}
	return string(b), nil
}

// decode reads a record; ok is false for what is none.
func (s *Store) decode(kv *mvccpb.KeyValue, epoch uint64) (e *entry, ok bool) {
	key, ok := s.keys.recordKey(kv.Key)
	if !ok {
		return nil, false
	}
	e = &entry{raw: kv}
	stored, err := codec.Decode(kv.Value)
	if err != nil {
		s.opts.Logger.Error("etcd: a stored record cannot be read", "key", key.String(), "error", err)
		e.bad = err
	}
	rec := stored.Record
	base := rec.Revision.Number
	rec.Key = key
	rec.Lease = store.LeaseID(kv.Lease)
	rec.Revision = store.Revision{Epoch: epoch, Number: uint64(kv.ModRevision)}
	if rec.Generation == 0 {
		rec.Generation = rec.Revision.Number + base
	}
	if rec.Changed == 0 {
		rec.Changed = rec.Revision.Number
	}
	if rec.Lease == 0 {
		rec.TTL = 0
	}
	stored.Record = store.Record{}
	e.rec, e.meta = &rec, stored
	return e, true
}

// decodeStone reads a tombstone; ok is false for what is none.
func (s *Store) decodeStone(kv *mvccpb.KeyValue, epoch uint64) (stone store.Tombstone, ok bool) {
	key, generation, ok := s.keys.stoneKey(kv.Key)
	if !ok {
		return store.Tombstone{}, false
	}
	stored, err := codec.Decode(kv.Value)
	if err != nil {
		s.opts.Logger.Error("etcd: a stored tombstone cannot be read", "key", key.String(), "error", err)
		return store.Tombstone{}, false
	}
	rec := stored.Record
	rec.Key, rec.Generation, rec.Revision.Epoch = key, generation, epoch
	return store.Tombstone{
		Record: &rec, Reason: stored.Why, Time: stored.Time,
		Revision: store.Revision{Epoch: epoch, Number: uint64(kv.ModRevision)},
	}, true
}

// remains gives what a tombstone keeps of a record; see [store.Tombstone].
func remains(rec *store.Record) *store.Record {
	return &store.Record{
		Key: rec.Key, Lease: rec.Lease, Generation: rec.Generation, Revision: rec.Revision,
		TTL: rec.TTL, RegisteredAt: rec.RegisteredAt, Owner: rec.Owner, Tokens: rec.Tokens,
		Instance: store.Instance{Address: rec.Instance.Address, Port: rec.Instance.Port, Status: rec.Instance.Status},
	}
}

// signed puts this node's name to a reason that names none.
func (s *Store) signed(why store.Reason, code store.Code) store.Reason {
	if code != "" {
		why.Code = code
	}
	if why.Node == "" {
		why.Node = s.opts.Node
	}
	return why
}

// clock is this node's wall clock: etcd has none to ask.
func clock() store.Millis { return store.At(time.Now()) }
