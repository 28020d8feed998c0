package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

// The times of a stream.
const (
	// tick is how often an open stream checks that its caller is still good.
	tick = 5 * time.Second
	// quietTicks is after how many of them a comment goes out: within 15 s.
	quietTicks = 2
	// writeWithin is how long one write to a slow reader may take before the stream ends.
	writeWithin = 30 * time.Second
)

func (a *API) watch(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, true, "service")
	if err != nil {
		a.fail(c, err)
		return
	}
	sel, err := a.reg.Select(who, q.services)
	if err != nil {
		a.fail(c, err)
		return
	}
	leave, err := a.follow(who)
	if err != nil {
		a.fail(c, err)
		return
	}
	defer leave()
	if err := a.warm(c.Request.Context()); err != nil {
		a.fail(c, err)
		return
	}
	s := &stream{api: a, c: c, rc: http.NewResponseController(c.Writer), filter: &q.filter, who: who, services: q.services,
		sel: sel, allowed: sel.Allows}
	cat := a.reg.Catalog()
	var views []catalog.View
	if last, err := catalog.ParsePosition(c.Request.Header.Get("Last-Event-ID")); err == nil {
		if err := a.reach(c.Request.Context(), last); err != nil {
			a.fail(c, err)
			return
		}
		s.sub, _ = cat.Resume(q.services, last)
	}
	if s.sub == nil {
		s.sub, views = cat.Subscribe(q.services)
	}
	defer s.sub.Close()
	if a.opts.Streaming != nil {
		a.opts.Streaming(c.Request)
	}
	who.Request.RequestID() // while its answer can still carry it: a stream may be refused later
	s.run(views)
}

// stream is one open watch.
type stream struct {
	api    *API
	c      *gin.Context
	rc     *http.ResponseController
	sub    *catalog.Subscription
	filter *catalog.Filter

	who      registry.Caller
	services []string
	sel      registry.Selection // what the stream was last decided by
	allowed  func(service string) bool
}

// run serves the stream until its caller leaves or stops being good, or the server drains.
// views is the snapshot to begin with, nil where the stream resumes.
func (s *stream) run(views []catalog.View) {
	h := s.c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies of nginx's kind would hold events back
	s.api.revision(s.c)
	// The server's read deadline is for a request's body; a stream outlives it.
	_ = s.rc.SetReadDeadline(time.Time{})
	s.c.Writer.WriteHeader(http.StatusOK)

	if views != nil && !s.snapshot(views) || views == nil && !s.send([]byte(": resumed\n\n")) {
		return
	}
	if views != nil {
		s.sub.Wrote()
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	quiet := 0
	for {
		select {
		case <-s.c.Request.Context().Done():
			return
		case <-s.api.stop:
			s.send([]byte(": the server is stopping\n\n"))
			return
		case <-s.sub.Wake():
			quiet = 0
			if !s.decided() || !s.changes() {
				return
			}
		case <-ticker.C:
			if who, err := s.api.opts.Identify(s.c.Request); err != nil {
				s.api.auditCaller(s.c, who, err)
				return
			}
			if !s.decided() {
				return
			}
			if quiet++; quiet >= quietTicks {
				quiet = 0
				if !s.keepAlive() {
					return
				}
			}
		}
	}
}

// send writes and flushes; a reader that takes nothing for too long ends the stream.
func (s *stream) send(b []byte) bool {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return false
	}
	if _, err := s.c.Writer.Write(b); err != nil {
		return false
	}
	return s.rc.Flush() == nil
}

// decided decides the stream again if the policy is another than it was decided by. What its
// caller may see may be more than before, or less: it starts over. False: the stream is over,
// for the caller may not follow what it asked for, or cannot be told.
func (s *stream) decided() bool {
	if s.sel.Stands() {
		return true
	}
	sel, err := s.api.reg.Select(s.who, s.services)
	if err != nil {
		s.send([]byte(": not allowed any more\n\n"))
		return false
	}
	s.sel, s.allowed = sel, sel.Allows
	return s.resync()
}

// resync tells the client to forget what it knows, and sends what there is.
func (s *stream) resync() bool {
	ok := s.send([]byte("event: "+wire.WatchResync+"\ndata: {}\n\n")) && s.snapshot(s.sub.Resync())
	if ok {
		s.sub.Wrote()
	}
	return ok
}

// keepAlive shows that the stream lives. An id without data moves the position of the
// client and tells it no event (WHATWG HTML, 9.2.6), so that one that has long seen no
// change can still resume.
func (s *stream) keepAlive() bool {
	b := []byte(": keep-alive\n")
	if at, ok := s.sub.Position(); ok {
		b = appendID(b, at)
	}
	return s.send(append(b, '\n'))
}

func appendID(b []byte, at catalog.Position) []byte {
	return append(at.Append(append(b, "id: "...)), '\n')
}

// changes sends what waits; a subscriber that could not keep up starts over.
func (s *stream) changes() bool {
	changes, err := s.sub.Take()
	if errors.Is(err, catalog.ErrLagged) {
		return s.resync()
	}
	if err != nil {
		return false
	}
	p := scratch.Get().(*[]byte)
	b := (*p)[:0]
	var open *catalog.Change // its event is written but for the end
	for _, ch := range changes {
		frame := s.frame(ch)
		if frame == nil {
			continue
		}
		b = closeEvent(b, open, ch)
		b = append(b, frame...)
		open = ch
	}
	b = closeEvent(b, open, nil)
	ok := len(b) == 0 || s.send(b)
	keepScratch(p, b)
	if ok {
		s.sub.Wrote()
	}
	return ok
}

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
	b := (*p)[:0]
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
				if b = append(b, "],\"last\":false}\n\n"...); !s.send(b) {
					return false
				}
				part, n, b = part+1, 0, b[:0]
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
	return s.send(append(b, '\n'))
}
