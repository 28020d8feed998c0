package apicheck

import (
	"encoding/json"

	"github.com/roster-sd/roster/wire"
)

// watch checks the events of one stream: each against the schema for its name, and all
// against the order that the description puts in words.
type watch struct {
	*exchange
	media  mediaType
	part   int  // of the snapshot under way; 0: none is
	synced bool // the reader has a snapshot, or went on from one
}

func newWatch(x *exchange, media mediaType) *watch {
	return &watch{exchange: x, media: media, synced: x.resumes}
}

func (w *watch) malformed(line string) { w.errorf("stream: malformed: %q", line) }
func (w *watch) cut()                  { w.errorf("stream: ended within an event") }

func (w *watch) position(id string) {
	if w.media.eventID == nil {
		return
	}
	if err := w.media.eventID.checkText(id); err != nil {
		w.errorf("stream: id: %v", err)
	}
}

func (w *watch) event(e event) {
	schema, ok := w.media.events[e.name]
	if !ok {
		w.errorf("stream: event %q is not in the description", e.name)
		return
	}
	if e.hasID {
		w.position(e.id)
	}
	if err := schema.checkJSON([]byte(e.data)); err != nil {
		w.errorf("stream: event %s: %v\n%s", e.name, err, shorten([]byte(e.data)))
		return
	}
	w.order(e)
}

func (w *watch) order(e event) {
	switch e.name {
	case wire.WatchSnapshot:
		var part struct {
			Part int
			Last bool
		}
		if err := json.Unmarshal([]byte(e.data), &part); err != nil {
			w.errorf("stream: event snapshot: %v", err)
			return
		}
		if part.Part != w.part+1 {
			w.errorf("stream: part %d of a snapshot after part %d", part.Part, w.part)
		}
		if part.Last != e.hasID {
			w.errorf("stream: part %d of a snapshot: last is %t, but an id is given: %t", part.Part, part.Last, e.hasID)
		}
		w.part = part.Part
		if part.Last {
			w.part, w.synced = 0, true
		}
	case wire.WatchResync:
		w.part, w.synced = 0, false
	default:
		if !w.synced || w.part != 0 {
			w.errorf("stream: event %s before the snapshot is complete", e.name)
		}
	}
}
