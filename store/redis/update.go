package redis

import (
	"context"
	"slices"
	"strconv"

	"github.com/roster-sd/roster/store"
)

// Update changes a copy of the record. It reads, calls the function, and writes if the
// record is still what was read; otherwise it begins again with what it is now.
func (s *Store) Update(ctx context.Context, ref store.Ref, why store.Reason, apply func(*store.Record) error) (*store.Record, error) {
	c, err := s.enter(ctx, "update", ref.Key)
	if err != nil {
		return nil, err
	}
	defer c.leave()
	if why.Code == "" {
		why.Code = store.Updated
	}
	because, err := s.reason(why, why.Code)
	if err != nil {
		return nil, c.invalid(err)
	}
	while, ok := during(ref)
	if !ok {
		return nil, c.refuse(store.ErrConflict)
	}
	u := updating{s: s, c: c, ref: ref, lease: wanted(ref), why: because, while: while}
	for {
		before, err := u.read()
		if err != nil {
			return nil, err
		}
		next, err := u.changed(before, apply)
		if err != nil {
			return nil, err
		}
		rec, err := u.write(before, next)
		if rec != nil || err != nil {
			return rec, err
		}
	}
}

// wanted is what scripts compare with the lease of a record; empty is any.
func wanted(ref store.Ref) string {
	if ref.Lease == 0 {
		return ""
	}
	return leaseName(ref.Lease, &ref.Key)
}

// during is the key and the lease of the condition that ref makes of another record, for
// scripts that change one; empty is none. It is false for one that never holds.
func during(ref store.Ref) (while [2]string, ok bool) {
	if ref.While == nil {
		return while, true
	}
	return [2]string{name(ref.While.Key), wanted(*ref.While)}, ref.While.Lease != 0
}

type updating struct {
	s     *Store
	c     *call
	ref   store.Ref
	lease string
	why   string
	while [2]string

	e     *epoch // of value
	value string // of the record, where it is known already
}

// read gives the record as it is now.
func (u *updating) read() (*stored, error) {
	if u.value == "" {
		r, e, err := u.s.run(u.c.ctx, scriptRead, name(u.ref.Key), u.lease)
		if err != nil {
			return nil, u.c.failed(err)
		}
		if kind := refusal(r.code()); kind != nil {
			return nil, u.c.refuse(kind)
		}
		u.e, u.value = e, r.text(2)
	}
	v, err := decode(u.ref.Key, u.e.id, u.value)
	if err != nil {
		return nil, u.c.failed(err)
	}
	return v, nil
}

// changed gives what the function makes of the record. What must stay stays.
func (u *updating) changed(before *stored, apply func(*store.Record) error) (*stored, error) {
	next := *before.rec
	// The function must not write into slices, and may keep them.
	next.Instance.Tags = slices.Clone(next.Instance.Tags)
	next.Instance.Metadata = slices.Clone(next.Instance.Metadata)
	if err := apply(&next); err != nil {
		return nil, err
	}
	was := before.rec
	next.Key, next.Lease, next.Generation = was.Key, was.Lease, was.Generation
	next.TTL, next.RegisteredAt = was.TTL, was.RegisteredAt
	next.Revision, next.Changed = was.Revision, was.Changed
	return &stored{rec: &next, rest: before.rest, more: before.more}, nil
}

// write puts next in the place of before. Without a record and an error, before is not the
// present any more.
func (u *updating) write(before, next *stored) (*store.Record, error) {
	was, err := encode(before)
	if err != nil {
		return nil, u.c.failed(err)
	}
	text, err := encode(next)
	if err != nil {
		return nil, u.c.invalid(err)
	}
	if text == was {
		return before.rec, nil
	}
	visible := ""
	if !next.rec.Instance.Equal(&before.rec.Instance) {
		visible = "1"
	}
	r, err := u.s.runIn(u.c.ctx, u.e, scriptUpdate, nonce(), u.s.opts.StreamLength, name(u.ref.Key), u.lease,
		strconv.FormatUint(before.rec.Revision.Number, 10), text, visible, u.why, u.while[0], u.while[1])
	if err != nil {
		return nil, u.c.failed(err)
	}
	if kind := refusal(r.code()); kind != nil {
		return nil, u.c.refuse(kind)
	}
	if u.value = ""; r.code() == moved {
		u.value = r.text(1)
	}
	if r.code() != done {
		return nil, nil
	}
	rec := *next.rec // the function may have kept the one it was given
	rec.Instance.Tags = slices.Clone(rec.Instance.Tags)
	rec.Instance.Metadata = slices.Clone(rec.Instance.Metadata)
	rec.Revision = u.e.revision(r.number(1))
	if visible != "" {
		rec.Changed = rec.Revision.Number
	}
	return &rec, nil
}
