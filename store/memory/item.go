package memory

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
	"github.com/roster-sd/roster/store/memory/journal"
)

// item is a change of one key on its way to the state file. What it points to never changes,
// so that encoding needs no lock.
type item struct {
	number uint64 // of the revision: items of one revision make one entry
	rec    *store.Packed
	grave  *grave // one of the two
}

// The kinds of item in an entry, each followed by the length of what it holds as a varint,
// and that. An entry is one revision, so that a torn end never splits one: no replacement is
// seen half.
const (
	itemRecord    = 'p' // a record, which takes the place of the one of its key
	itemTombstone = 't' // a death, of the record of the key if it has the same generation
	itemForgotten = 'f' // the least number that every later generation is above, as a varint
)

// bulk is how many items of a snapshot make one entry.
const bulk = 256

// writing is the buffers of whoever encodes.
type writing struct {
	entries []byte
	payload []byte
	text    []byte
	stored  codec.Stored
	refused func(key store.Key, err error) // hears of what cannot be encoded
}

// add encodes items as entries, one for each number.
func (w *writing) add(items []item) {
	for i := range items {
		w.item(&items[i])
		if i+1 == len(items) || items[i+1].number != items[i].number {
			w.end()
		}
	}
}

// item puts an item into the entry in the making.
func (w *writing) item(it *item) {
	var err error
	rec, kind, s := it.rec, byte(itemRecord), &w.stored
	s.Why, s.Time = store.Reason{}, 0
	if gr := it.grave; gr != nil {
		rec, kind, s.Why, s.Time = gr.rec, itemTombstone, gr.reason, gr.time
	}
	rec.Fill(&s.Record)
	if w.text, err = codec.Append(w.text[:0], s); err != nil {
		w.refused(rec.Key(), err)
		return
	}
	w.part(kind, w.text)
}

func (w *writing) part(kind byte, body []byte) {
	w.payload = append(w.payload, kind)
	w.payload = binary.AppendUvarint(w.payload, uint64(len(body)))
	w.payload = append(w.payload, body...)
}

// end ends the entry in the making.
func (w *writing) end() {
	if len(w.payload) == 0 {
		return
	}
	var err error
	if w.entries, err = journal.AppendEntry(w.entries, w.payload); err != nil {
		w.refused(store.Key{}, err)
	}
	w.payload = w.payload[:0]
}

// past is what a state file holds.
type past struct {
	records   map[store.Key]*store.Record
	stones    []store.Tombstone // in the order of the deaths
	forgotten uint64
	items     int
}

var errItem = errors.New("an entry is not what this release writes")

// read applies an entry.
func (p *past) read(payload []byte) error {
	for len(payload) > 0 {
		kind := payload[0]
		n, width := binary.Uvarint(payload[1:])
		if width <= 0 || n > uint64(len(payload)-1-width) {
			return errItem
		}
		body := payload[1+width:][:n]
		payload = payload[1+width+int(n):]
		p.items++
		if err := p.item(kind, body); err != nil {
			return err
		}
	}
	return nil
}

func (p *past) item(kind byte, body []byte) error {
	switch kind {
	case itemForgotten:
		n, width := binary.Uvarint(body)
		if width != len(body) {
			return errItem
		}
		p.forgotten = max(p.forgotten, n)
		return nil
	case itemRecord, itemTombstone:
	default:
		return fmt.Errorf("%w: an item of kind %q", errItem, kind)
	}
	s, err := codec.Decode(body)
	if err != nil {
		return err
	}
	key := s.Record.Key
	if key.Kind == "" || key.Service == "" || key.ID == "" {
		return fmt.Errorf("%w: %w", errItem, errName)
	}
	if kind == itemRecord {
		p.records[key] = &s.Record
		return nil
	}
	if rec := p.records[key]; rec != nil && rec.Generation == s.Record.Generation {
		delete(p.records, key)
	}
	p.stones = append(p.stones, store.Tombstone{Record: &s.Record, Reason: s.Why, Time: s.Time})
	return nil
}
