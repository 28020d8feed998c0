package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
)

// answer is what a conditional read answers.
type answer struct {
	changed  catalog.Position // of the last change to it
	revision catalog.Position // of the view that it shows
	write    func([]byte, *parts) []byte
}

// following is what a long poll waits for a change of; nil: of the service list.
type following struct {
	service string
	filter  *catalog.Filter
}

// conditional answers a read with its ETag, with 304 where the caller has it already, and
// with the wait asked for, where the caller has it, once it has changed.
func (a *API) conditional(c *gin.Context, wait time.Duration, follow *following, get func(context.Context) (answer, error)) {
	cond, err := a.condition(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	var since catalog.Position
	if wait > 0 {
		since = a.lastChange(follow)
	}
	ans, err := get(c.Request.Context())
	if err == nil && wait > 0 && cond.met(ans.changed) {
		var ok bool
		if ans, ok, err = a.poll(c, wait, follow, since, cond, get); !ok {
			return
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header()["Etag"] = []string{etag(ans.changed)}
	c.Writer.Header()["Cache-Control"] = noCache
	if cond.met(ans.changed) {
		a.revisionAt(c, ans.revision)
		c.Status(http.StatusNotModified)
		return
	}
	p := scratch.Get().(*[]byte)
	out := parts{api: a, c: c, at: ans.revision}
	b := ans.write((*p)[:0], &out)
	out.end(b)
	keepScratch(p, b)
}

var noCache = []string{"no-cache"}

// poll waits for an answer that the caller does not have, and gives the present one where
// the wait is over. A change that leaves the answer as it is, because it is of what this
// caller may not see, does not end the wait: its moment would tell of it. False: there is
// nothing left to answer. The wait is longer than asked for by up to a sixteenth, so that
// polls that began together do not end together.
func (a *API) poll(c *gin.Context, wait time.Duration, follow *following, since catalog.Position, cond condition,
	get func(context.Context) (answer, error)) (ans answer, ok bool, err error) {
	who, ok := a.identify(c)
	if !ok {
		return ans, false, nil
	}
	leave, err := a.follow(who)
	if err != nil {
		return ans, true, err
	}
	defer leave()
	// The server's deadlines are for a request that is answered at once.
	rc := http.NewResponseController(c.Writer)
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})
	defer func() { _ = rc.SetWriteDeadline(time.Now().Add(writeWithin)) }()
	timer := time.NewTimer(wait + rand.N(wait/16+1))
	defer timer.Stop()
	ctx := c.Request.Context()
	for waiting := true; waiting; {
		waiting = a.await(c, timer.C, follow, since)
		if ctx.Err() != nil {
			return ans, false, nil
		}
		// Who was good when the wait began may not be any more.
		if _, ok := a.identify(c); !ok {
			return ans, false, nil
		}
		since = a.lastChange(follow)
		if ans, err = get(ctx); err != nil || !cond.met(ans.changed) {
			break
		}
	}
	return ans, true, err
}

// await blocks until what is followed may have changed since the position, and gives
// false where it is not to be waited for any longer: the wait is over, the caller has left
// or stopped being good, or the server drains.
func (a *API) await(c *gin.Context, over <-chan time.Time, follow *following, since catalog.Position) bool {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var services []string
	if follow != nil {
		services = []string{follow.service}
	}
	sub := a.reg.Catalog().Follow(services)
	defer sub.Close()
	// What changed before the subscription is not told by it. Whether that passes the
	// filter is not known any more: the caller is answered rather than left waiting.
	if a.lastChange(follow) != since {
		return true
	}
	for {
		select {
		case <-c.Request.Context().Done():
			return false
		case <-a.stop:
			return false
		case <-over:
			return false
		case <-ticker.C:
			if who, err := a.opts.Identify(c.Request); err != nil {
				a.auditCaller(c.Request, request(c).RequestID(), who, err)
				return false
			}
		case <-sub.Wake():
		}
		changes, err := sub.Take()
		if err != nil {
			return !errors.Is(err, catalog.ErrEnded)
		}
		if follow == nil {
			if a.lastChange(nil) != since {
				return true
			}
			sub.Wrote()
			continue
		}
		for _, ch := range changes {
			if ch.Through(follow.filter) != catalog.None {
				return true
			}
		}
		sub.Wrote() // there was nothing to say
	}
}

// lastChange is the position of the last change of what is followed, filters aside, by
// the catalog, which is what wakes a long poll. An answer from the store itself has its
// own position.
func (a *API) lastChange(follow *following) catalog.Position {
	if follow == nil {
		_, changed, _ := a.reg.Catalog().Services()
		return changed
	}
	changed, _ := a.reg.Catalog().Changed(follow.service)
	return changed
}
