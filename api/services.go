package api

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

func (a *API) services(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "wait", "consistent")
	if err != nil {
		a.fail(c, err)
		return
	}
	a.conditional(c, q.wait, nil, func(ctx context.Context) (answer, error) {
		lines, changed, _, err := a.reg.Services(ctx, who)
		return answer{changed: changed, write: func(b []byte) []byte {
			b = appendText(append(b, '{'), "revision", changed.String())
			b = append(b, `,"services":[`...)
			for i, line := range lines {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendText(append(b, '{'), "serviceName", line.Name)
				b = appendNumber(b, "instances", int64(line.Instances))
				b = append(appendNumber(b, "up", int64(line.Up)), '}')
			}
			return append(b, "]}"...)
		}}, err
	})
}

func (a *API) service(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	name := c.Param("serviceName")
	q, err := parse(c.Request.URL.RawQuery, true, "wait", "consistent", "limit", "after")
	if err != nil {
		a.fail(c, err)
		return
	}
	follow := &following{service: name, filter: &q.filter}
	a.conditional(c, q.wait, follow, func(ctx context.Context) (answer, error) {
		view, err := a.reg.Service(ctx, who, name, q.consistent)
		return answer{changed: view.Changed, write: func(b []byte) []byte {
			return appendService(b, view, q)
		}}, err
	})
}

func appendService(b []byte, view catalog.View, q *query) []byte {
	b = appendText(append(b, '{'), "revision", view.Changed.String())
	b = appendText(append(b, ','), "serviceName", view.Name)
	b = append(b, `,"instances":[`...)
	n, last, more := 0, "", false
	for item := range view.Items(q.after) {
		if !q.filter.Match(&item.Record.Instance) {
			continue
		}
		if n == q.limit {
			more = true
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = item.AppendJSON(b)
		n, last = n+1, item.Record.Key.ID
	}
	b = append(b, ']')
	if more {
		b = appendText(append(b, ','), "next", last)
	}
	return append(b, '}')
}

func (a *API) instance(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "consistent")
	if err != nil {
		a.fail(c, err)
		return
	}
	item, rev, err := a.reg.Instance(c.Request.Context(), who, c.Param("serviceName"), c.Param("instanceId"), q.consistent)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.item(c, item, rev)
}

func (a *API) resolve(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, true, "strategy", "key", "consistent")
	if err != nil {
		a.fail(c, err)
		return
	}
	choice := catalog.Choice{Strategy: q.strategy, Key: q.key, Filter: q.filter}
	item, rev, err := a.reg.Resolve(c.Request.Context(), who, c.Param("serviceName"), choice, q.consistent)
	if err != nil {
		a.fail(c, err)
		return
	}
	a.item(c, item, rev)
}

func (a *API) item(c *gin.Context, item catalog.Item, rev store.Revision) {
	p := scratch.Get().(*[]byte)
	b := item.AppendJSON((*p)[:0])
	a.revisionAt(c, rev)
	a.write(c, http.StatusOK, contentTypeJSON, b)
	keepScratch(p, b)
}

// answer is what a conditional read answers, and the position of its last change.
type answer struct {
	changed store.Revision
	write   func([]byte) []byte
}

// following is what a long poll waits for a change of; nil: of the service list.
type following struct {
	service string
	filter  *catalog.Filter
}

// conditional answers a read with its ETag, with 304 where the caller has it already, and
// with the wait asked for, where the caller has it, once it has changed.
func (a *API) conditional(c *gin.Context, wait time.Duration, follow *following, get func(context.Context) (answer, error)) {
	ctx := c.Request.Context()
	cond, err := a.condition(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	var since store.Revision
	if wait > 0 {
		since = a.lastChange(follow)
	}
	ans, err := get(ctx)
	if err == nil && wait > 0 && cond.met(ans.changed) {
		if a.await(c, wait, follow, since); ctx.Err() != nil {
			return
		}
		ans, err = get(ctx)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header()["Etag"] = []string{etag(ans.changed)}
	c.Writer.Header()["Cache-Control"] = noCache
	if cond.met(ans.changed) {
		a.revision(c)
		c.Status(http.StatusNotModified)
		return
	}
	p := scratch.Get().(*[]byte)
	b := ans.write((*p)[:0])
	a.json(c, http.StatusOK, b)
	keepScratch(p, b)
}

var noCache = []string{"no-cache"}

// await blocks until what is followed has changed since the position, or the wait is
// over, or the caller leaves, or the server drains. The wait is longer than asked for by
// up to a sixteenth, so that polls that began together do not end together.
func (a *API) await(c *gin.Context, wait time.Duration, follow *following, since store.Revision) {
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Time{})
	timer := time.NewTimer(wait + rand.N(wait/16+1))
	defer timer.Stop()
	var services []string
	if follow != nil {
		services = []string{follow.service}
	}
	cat := a.reg.Catalog()
	sub := cat.Follow(services)
	defer sub.Close()
	// What changed before the subscription is not told by it. Whether that passes the
	// filter is not known any more: the caller is answered rather than left waiting.
	if a.lastChange(follow) != since {
		return
	}
	for {
		select {
		case <-c.Request.Context().Done():
			return
		case <-a.stop:
			return
		case <-timer.C:
			return
		case <-sub.Wake():
		}
		changes, err := sub.Take()
		if err != nil {
			return
		}
		if follow == nil {
			if a.lastChange(nil) != since {
				return
			}
			continue
		}
		for _, ch := range changes {
			if ch.Through(follow.filter) != catalog.None {
				return
			}
		}
	}
}

// lastChange is the position of the last change of what is followed, filters aside, by
// the catalog, which is what wakes a long poll. An answer from the store itself has its
// own position.
func (a *API) lastChange(follow *following) store.Revision {
	if follow == nil {
		_, changed, _ := a.reg.Catalog().Services()
		return changed
	}
	changed, _ := a.reg.Catalog().Changed(follow.service)
	return changed
}

func (a *API) events(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "service", "instance", "limit")
	if err == nil && len(q.services) > 1 {
		q.errs.add("service", "must stand once")
		err = q.errs.err()
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	limit := q.limit
	if limit < 0 {
		limit = 100
	}
	rev := a.reg.Catalog().Revision()
	list, err := a.reg.Events(c.Request.Context(), who, q.service, q.instance, limit)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := eventsOf(rev, list)
	a.json(c, http.StatusOK, marshal(out))
}

func (a *API) admin(c *gin.Context) {
	if _, ok := a.caller(c); ok {
		a.fail(c, &registry.Error{Code: registry.Forbidden, Detail: "administration is not available in this release"})
	}
}
