package redis

import (
	"context"
	"errors"
	"sync"

	"github.com/roster-sd/roster/store"
)

// portion is how many records one script reads, or entries of the stream: some milliseconds of
// Redis' time, in which it serves nobody else.
const portion = 500

var (
	errShort = errors.New("the history is too short: it moved on faster than a list could be read")
	errEpoch = errors.New("the epoch has changed")
)

// List gives the live records that sel chooses. Up to 500 keys are read in one step; what
// changes while more are read is read from the feed afterwards, so that the whole is of one
// moment. A selector with an ID and no service, or no kind, looks at many keys.
func (s *Store) List(ctx context.Context, sel store.Selector) (store.Snapshot, error) {
	c, err := s.enter(ctx, "list", store.Key{})
	if err != nil {
		return store.Snapshot{}, err
	}
	defer c.leave()
	for range 4 {
		var snap store.Snapshot
		if snap, err = s.list(c, sel); err == nil {
			return snap, nil
		}
		if !errors.Is(err, errEpoch) && !errors.Is(err, errShort) {
			break
		}
		c.again()
	}
	return store.Snapshot{}, c.failed(err)
}

// listing is a list in the making.
type listing struct {
	s       *Store
	c       *call
	sel     store.Selector
	e       *epoch
	records map[string]*store.Record // by name
	names   []string                 // of those that were read, in their order; a name may come twice
	began   uint64                   // the revision at which it began
	reached uint64                   // the revision of the last portion
}

func (s *Store) list(c *call, sel store.Selector) (store.Snapshot, error) {
	e, err := s.known(c.ctx)
	if err != nil {
		return store.Snapshot{}, err
	}
	l := &listing{s: s, c: c, sel: sel, e: e, records: make(map[string]*store.Record)}
	spans, err := l.spans()
	if err != nil {
		return store.Snapshot{}, err
	}
	for _, sp := range spans {
		if err := l.read(sp); err != nil {
			return store.Snapshot{}, err
		}
	}
	if l.reached > l.began {
		if err := l.replay(); err != nil {
			return store.Snapshot{}, err
		}
	}
	return store.Snapshot{Revision: e.revision(l.reached), Records: l.inOrder()}, nil
}

// inOrder gives the records in the order of their names, nearly: who makes trees of them, as the
// catalog does, needs half of the time.
func (l *listing) inOrder() []*store.Record {
	out := make([]*store.Record, 0, len(l.records))
	for _, name := range l.names {
		if rec := l.records[name]; rec != nil {
			out = append(out, rec)
			delete(l.records, name)
		}
	}
	return out
}

// run runs a script in the epoch of the list.
func (l *listing) run(sc *script, args ...any) (reply, error) {
	r, err := l.s.runIn(l.c.ctx, l.e, sc, args...)
	if err == nil && r.code() == lookAgain {
		err = errEpoch
	}
	return r, err
}

// came notes the revision of a portion.
func (l *listing) came(r reply) {
	l.reached = r.number(1)
	if l.began == 0 {
		l.began = l.reached
	}
}

// spans gives where to look for what the selector chooses.
func (l *listing) spans() ([]span, error) {
	kind, service := part.Replace(l.sel.Kind), part.Replace(l.sel.Service)
	switch {
	case kind == "" && service == "":
		return []span{everything}, nil
	case service == "":
		return []span{under(kind)}, nil
	case kind != "":
		return []span{l.of(kind, service)}, nil
	}
	r, err := l.run(scriptKinds)
	if err != nil {
		return nil, err
	}
	l.came(r)
	var spans []span
	for i := 2; i < len(r); i++ {
		spans = append(spans, l.of(r.text(i), service))
	}
	return spans, nil
}

// of gives the names of a service, or the one with the selector's ID.
func (l *listing) of(kind, service string) span {
	if l.sel.ID != "" {
		one := "[" + kind + "/" + service + "/" + l.sel.ID
		return span{one, one}
	}
	return under(kind + "/" + service)
}

// read reads the live records of a span, portion by portion. While one is decoded the next is
// under way.
func (l *listing) read(sp span) error {
	r, err := l.portion(sp)
	for err == nil {
		l.came(r)
		var fetching sync.WaitGroup
		var next reply
		last := r.text(2) == ""
		if !last {
			sp.from = "(" + r.text(2)
			l.c.again()
			fetching.Go(func() { next, err = l.portion(sp) })
		}
		bad := l.putAll(r)
		fetching.Wait()
		if bad != nil || last {
			return bad
		}
		r = next
	}
	return err
}

// portion reads a portion from the beginning of a span.
func (l *listing) portion(sp span) (reply, error) {
	return l.run(scriptList, sp.from, sp.to, portion, l.sel.ID)
}

func (l *listing) putAll(r reply) error {
	for i := 3; i+1 < len(r); i += 2 {
		if err := l.put(r.text(i), r.text(i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (l *listing) put(name, value string) error {
	key, err := keyOf(name)
	if err != nil {
		return err
	}
	v, err := decode(key, l.e.id, value)
	if err != nil {
		return err
	}
	if l.records[name] == nil {
		l.names = append(l.names, name)
	}
	l.records[name] = v.rec
	return nil
}

// replay brings every record to the revision of the last portion.
func (l *listing) replay() error {
	put := map[string]bool{}
	for at := l.began; at < l.reached; {
		l.c.again()
		r, err := l.run(scriptFeed, at, portion)
		if err != nil {
			return err
		}
		if r.code() != done {
			return errShort
		}
		entries := r.list(2)
		if len(entries) < 2 {
			return errShort // some are missing
		}
		for _, v := range entries[1:] {
			en, err := entryOf(v)
			if err != nil {
				return err
			}
			if at = en.number; at > l.reached {
				break
			}
			if err := l.apply(en, put); err != nil {
				return err
			}
		}
	}
	return l.bury(put)
}

func (l *listing) apply(en entry, put map[string]bool) error {
	key, err := keyOf(en.name)
	if err != nil || !l.sel.Matches(key) {
		return err
	}
	if en.deletes() {
		delete(l.records, en.name)
		delete(put, en.name)
		return nil
	}
	put[en.name] = true
	return l.put(en.name, en.value)
}

// bury drops what the replay put and what has run out since.
func (l *listing) bury(put map[string]bool) error {
	var refs []store.Ref
	var names []string
	for name := range put {
		refs, names = append(refs, l.records[name].Ref()), append(names, name)
	}
	for from := 0; from < len(refs); from += maxAsked {
		n := min(from+maxAsked, len(refs))
		left, err := l.s.ask(l.c.ctx, "left", refs[from:n])
		if err != nil {
			return err
		}
		for i, ms := range left {
			if ms == ranOut {
				delete(l.records, names[from+i])
			}
		}
	}
	return nil
}
