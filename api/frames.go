package api

import (
	"errors"
	"sync"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// changes sends what waits; a subscriber that could not keep up starts over.
func (s *stream) changes() bool {
	changes, err := s.sub.Take()
	if errors.Is(err, catalog.ErrLagged) {
		return s.resync()
	}
	if err != nil {
		return false
	}
	p := pieces.Get().(*[]byte)
	b := clean(*p)
	defer func() {
		if cap(b) <= 4*piece {
			*p = b
			pieces.Put(p)
		}
	}()
	var open *catalog.Change // its event is written but for the end
	for _, ch := range changes {
		frame := s.frame(ch)
		if frame == nil {
			continue
		}
		b = closeEvent(b, open, ch)
		if open = ch; len(b) >= piece {
			if b = s.send(b); b == nil {
				return false
			}
		}
		b = append(b, frame...)
	}
	if open != nil {
		s.quiet = 0
		if b = s.send(closeEvent(b, open, nil)); b == nil {
			return false
		}
	}
	s.sub.Wrote()
	return true
}

// piece is about how many bytes of changes go out at once: what a stream keeps while it waits for
// its reader, of which there may be thousands.
const piece = 8 << 10

// pieces are buffers for that, of streams that do not wait.
var pieces = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// closeEvent ends the event before next, with the position if it is the last of those that
// go together.
func closeEvent(b []byte, open, next *catalog.Change) []byte {
	if open == nil {
		return b
	}
	if next == nil || !next.With(open) {
		b = appendID(b, open.Position())
	}
	return append(b, '\n')
}

// frame gives the event of a change, without its end, as this watcher sees it; nil for
// none.
func (s *stream) frame(ch *catalog.Change) []byte {
	if !s.allowed(ch.Service()) {
		return nil
	}
	switch ch.Through(s.filter) {
	case catalog.Put, catalog.Delete:
		return ch.Frame(encodeChange)
	case catalog.Left:
		return encodeDelete(ch.After, store.Reason{Code: wire.Unmatched}, ch.Position())
	}
	return nil
}

func encodeChange(ch *catalog.Change) []byte {
	if ch.After == nil {
		return encodeDelete(ch.Before, ch.Reason, ch.Position())
	}
	b := append(make([]byte, 0, 512), "event: "+wire.WatchPut+"\ndata: "...)
	return append(ch.Item().AppendJSON(b), '\n')
}

func encodeDelete(r *store.Packed, why store.Reason, at catalog.Position) []byte {
	b := append(make([]byte, 0, 256), "event: "+wire.WatchDelete+"\ndata: "...)
	b = append(b, marshal(wire.Deleted{ServiceName: r.Service(), InstanceID: r.ID(), Revision: at.String(),
		Reason: string(why.Code), Note: why.Note, Actor: why.Actor, Node: why.Node})...)
	return append(b, '\n')
}

// snapshot sends the views in parts. The position stands on the last part.
func (s *stream) snapshot(views []catalog.View) bool {
	p := scratch.Get().(*[]byte)
	b := clean(*p)
	defer func() { keepScratch(p, b) }()
	part, n := 1, 0
	begin := func() {
		b = append(b, "event: "+wire.WatchSnapshot+"\ndata: {\"part\":"...)
		b = append(appendInt(b, int64(part)), `,"instances":[`...)
	}
	begin()
	for _, view := range views {
		if !s.allowed(view.Name) {
			continue
		}
		for item := range view.Items("") {
			if !s.filter.Match(item.Packed()) {
				continue
			}
			if n == wire.MaxSnapshotPart {
				if b = s.send(append(b, "],\"last\":false}\n\n"...)); b == nil {
					return false
				}
				part, n = part+1, 0
				begin()
			}
			if n > 0 {
				b = append(b, ',')
			}
			b = item.AppendJSON(b)
			n++
		}
	}
	b = append(b, "],\"last\":true}\n"...)
	b = appendID(b, s.sub.Start())
	b = s.send(append(b, '\n'))
	return b != nil
}
