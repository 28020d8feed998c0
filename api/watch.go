package api

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
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
	// slowAfter is how long a write may hold a turn where it cannot be known that it waits.
	slowAfter = 2 * time.Millisecond
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
	s := &stream{api: a, filter: &q.filter, who: who, services: q.services, sel: sel, allowed: sel.Allows, leave: leave}
	s.seat.turns = a.turns
	detached := false
	defer func() {
		if !detached {
			s.close()
		}
	}()
	if err := a.warm(c.Request.Context()); err != nil {
		a.fail(c, err)
		return
	}
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
	if a.opts.Streaming != nil {
		a.opts.Streaming(c.Request)
	}
	who.Request.RequestID() // while its answer can still carry it: a stream may be refused later
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies of nginx's kind would hold events back
	a.revision(c)
	if detached = s.detach(c, views); !detached {
		s.serve(c, views)
	}
}

// stream is one open watch.
type stream struct {
	api    *API
	out    outlet
	sub    *catalog.Subscription
	filter *catalog.Filter
	leave  func() // gives its place among the watches of its caller back

	seat seat
	// told: the outlet yields the turn before it waits.
	told  bool
	slow  *time.Timer // yields where the outlet does not
	late  bool        // the last write was slow
	due   atomic.Bool // a look
	quiet int         // ticks in which nothing was sent

	request  *http.Request // for Identify
	who      registry.Caller
	services []string
	sel      registry.Selection // what the stream was last decided by
	allowed  func(service string) bool

	line // of a stream that is detached
}

// outlet is where a stream writes to.
type outlet interface {
	// send writes and flushes, within writeWithin, what stands in b after its room, and may use b
	// as it likes.
	send(b []byte) error
}

// room is how many bytes each buffer of a stream begins with: the outlet's, for the length of a
// chunk in hexadecimal and the end of its line.
const room = 16 + len("\r\n")

// clean gives a buffer in which nothing is written yet.
func clean(b []byte) []byte { return append(b[:0], make([]byte, room)...) }

// close gives back what the stream has of the node.
func (s *stream) close() {
	s.seat.leave()
	if s.sub != nil {
		s.sub.Close()
	}
	if s.slow != nil {
		s.slow.Stop()
	}
	s.leave()
}

// begin sends what the stream begins with: views is the snapshot, nil where it resumes.
func (s *stream) begin(views []catalog.View) bool {
	if views == nil {
		return s.say(": resumed\n\n")
	}
	if !s.snapshot(views) {
		return false
	}
	s.sub.Wrote()
	return true
}

// serve is a stream that is an answer of the server, in the goroutine of its request: until its
// caller leaves or stops being good, or the server drains.
func (s *stream) serve(c *gin.Context, views []catalog.View) {
	s.request = c.Request
	s.seat.begin = make(chan struct{}, 1)
	s.sub.Notify(s.seat.want)
	rc := http.NewResponseController(c.Writer)
	s.out = &answered{c.Writer, rc}
	// The server's read deadline is for a request's body; a stream outlives it.
	_ = rc.SetReadDeadline(time.Time{})
	c.Writer.WriteHeader(http.StatusOK)
	if !s.begin(views) {
		return
	}
	s.seat.done()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-c.Request.Context().Done():
			return
		case <-s.api.stop:
			s.seat.leave()
			s.bye()
			return
		case <-s.seat.begin:
			if !s.turn() {
				return
			}
			s.seat.done()
		case <-ticker.C:
			s.due.Store(true)
			s.seat.want()
		}
	}
}

// answered writes to the answer of a request.
type answered struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (a *answered) send(b []byte) error {
	b = b[room:]
	if err := a.rc.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	if _, err := a.w.Write(b); err != nil {
		return err
	}
	return a.rc.Flush()
}

// send writes; a reader that takes nothing for too long ends the stream. The turn is not held
// while it waits for the reader: where the outlet does not tell, not for longer than slowAfter,
// and not at all by a reader that was slow before. It gives the buffer to go on with, nil where
// the stream is over.
func (s *stream) send(b []byte) []byte {
	if s.told {
		if s.out.send(b) != nil {
			return nil
		}
		return clean(b)
	}
	if s.late {
		s.seat.yield()
	}
	if s.slow == nil {
		s.slow = time.AfterFunc(slowAfter, s.seat.yield)
	} else {
		s.slow.Reset(slowAfter)
	}
	err := s.out.send(b)
	if s.late = !s.slow.Stop(); err != nil {
		return nil
	}
	return clean(b)
}

// say sends a text.
func (s *stream) say(text string) bool { return s.send(append(clean(nil), text...)) != nil }

// bye tells the reader why the stream ends.
func (s *stream) bye() { s.say(": the server is stopping\n\n") }

// turn does what there is to do. False: the stream is over.
func (s *stream) turn() bool {
	if s.due.Swap(false) && !s.look() {
		return false
	}
	return s.decided() && s.changes()
}

// look checks, once a tick, that the caller is still good, and shows it that the stream lives.
// False: the stream is over.
func (s *stream) look() bool {
	if who, err := s.api.opts.Identify(s.request); err != nil {
		s.api.auditCaller(s.request, s.who.Request.RequestID(), who, err)
		return false
	}
	if !s.decided() {
		return false
	}
	if s.quiet++; s.quiet < quietTicks {
		return true
	}
	s.quiet = 0
	return s.keepAlive()
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
		s.say(": not allowed any more\n\n")
		return false
	}
	s.sel, s.allowed = sel, sel.Allows
	return s.resync()
}

// resync tells the client to forget what it knows, and sends what there is.
func (s *stream) resync() bool {
	ok := s.say("event: "+wire.WatchResync+"\ndata: {}\n\n") && s.snapshot(s.sub.Resync())
	if ok {
		s.sub.Wrote()
	}
	return ok
}

// keepAlive shows that the stream lives. An id without data moves the position of the
// client and tells it no event (WHATWG HTML, 9.2.6), so that one that has long seen no
// change can still resume.
func (s *stream) keepAlive() bool {
	b := append(clean(nil), ": keep-alive\n"...)
	if at, ok := s.sub.Position(); ok {
		b = appendID(b, at)
	}
	return s.send(append(b, '\n')) != nil
}

func appendID(b []byte, at catalog.Position) []byte {
	return append(at.Append(append(b, "id: "...)), '\n')
}
