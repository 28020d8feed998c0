package catalog

import (
	"sync"
	"unsafe"

	"github.com/roster-sd/roster/store"
)

// bodyBytes is how many bytes of encoded instances are kept: of those that were asked for
// lately. To encode one anew costs less than to collect the garbage of a hundred thousand that
// nobody asks for.
const bodyBytes = 24 << 20

// sparing is how many of those that find no room are encoded without being kept, for each that
// takes another's place. What is asked for again and again gets in; what is asked for once in
// passing, as by a list of everything, drives little out.
const sparing = 8

// bodies is the encodings of versions of instances, without lastHeartbeat and the closing brace.
// Each stands in its entry, to be read without a lock.
type bodies struct {
	mu    sync.Mutex
	ring  []*entry // that have one, or had: from first on, oldest first
	first int
	size  int
	asked uint
	most  int
}

// scratch is where records are unpacked to be encoded.
var scratch = sync.Pool{New: func() any { return new(store.Record) }}

// appendBody appends the encoding of an entry.
func (c *Catalog) appendBody(dst []byte, e *entry) []byte {
	if body := e.body.Load(); body != nil {
		return append(dst, *body...)
	}
	rec := scratch.Get().(*store.Record)
	e.rec.Fill(rec)
	n := len(dst)
	dst = c.opts.Encode(dst, rec)
	scratch.Put(rec)
	c.bodies.keep(e, dst[n:])
	return dst
}

// bodySize is about what keeping an encoding takes beside its bytes.
const bodySize = int(unsafe.Sizeof("") + 2*unsafe.Sizeof(uintptr(0)))

// keep keeps an encoding, and lets go of the oldest where there is no room.
func (b *bodies) keep(e *entry, text []byte) {
	if e.state == nil || !b.mu.TryLock() { // it is of no view; or who waits loses more than it gains
		return
	}
	defer b.mu.Unlock()
	size := bodySize + len(text)
	if size > b.most || e.body.Load() != nil { // another was faster
		return
	}
	if b.size+size > b.most {
		if b.asked++; b.asked%sparing != 0 {
			return
		}
	}
	for b.size+size > b.most {
		b.drop()
	}
	body := string(text)
	if b.first > 64 && b.first > len(b.ring)/2 {
		n := copy(b.ring, b.ring[b.first:])
		clear(b.ring[n:])
		b.ring, b.first = b.ring[:n], 0
	}
	e.body.Store(&body)
	b.ring = append(b.ring, e)
	b.size += size
}

// drop lets go of the oldest.
func (b *bodies) drop() {
	e := b.ring[b.first]
	b.ring[b.first] = nil
	b.first++
	b.size -= bodySize + len(*e.body.Swap(nil))
}
