package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/wire"
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
		lines, changed, rev, err := a.reg.Services(ctx, who, q.consistent)
		return answer{changed: changed, revision: rev, write: func(b []byte, out *parts) []byte {
			b = appendText(append(b, '{'), "revision", changed.String())
			b = append(b, `,"services":[`...)
			for i, line := range lines {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendText(append(b, '{'), "serviceName", line.Name)
				b = appendNumber(b, "instances", int64(line.Instances))
				b = appendNumber(b, "up", int64(line.Up))
				if line.Degraded {
					b = append(b, `,"degraded":true`...)
				}
				b = append(b, '}')
				var ok bool
				if b, ok = out.spill(b); !ok {
					return b
				}
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
		return answer{changed: view.Changed, revision: view.Revision, write: func(b []byte, out *parts) []byte {
			return appendService(b, view, q, out)
		}}, err
	})
}

func appendService(b []byte, view catalog.View, q *query, out *parts) []byte {
	b = appendText(append(b, '{'), "revision", view.Changed.String())
	b = appendText(append(b, ','), "serviceName", view.Name)
	b = append(b, `,"instances":[`...)
	n, last, more := 0, "", false
	for item := range view.Items(q.after) {
		if !q.filter.Match(item.Packed()) {
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
		n, last = n+1, item.ID()
		var ok bool
		if b, ok = out.spill(b); !ok {
			return b
		}
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
	out, err := a.reg.Resolve(c.Request.Context(), who, c.Param("serviceName"), choice, q.consistent)
	if err != nil {
		a.fail(c, err)
		return
	}
	if out.Degraded {
		c.Writer.Header()[wire.HeaderDegraded] = yes
	}
	a.item(c, out.Item, out.At)
}

// yes is the value of a header that is set only where it is so.
var yes = []string{"true"}

func (a *API) item(c *gin.Context, item catalog.Item, at catalog.Position) {
	p := scratch.Get().(*[]byte)
	b := item.AppendJSON((*p)[:0])
	a.revisionAt(c, at)
	a.write(c, http.StatusOK, contentTypeJSON, b)
	keepScratch(p, b)
}

func (a *API) events(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "service", "instance", "limit")
	if err == nil && q.repeated {
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
	at := a.reg.Catalog().Position()
	list, err := a.reg.Events(c.Request.Context(), who, q.service, q.instance, limit)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := eventsOf(at, list)
	a.revisionAt(c, at)
	a.write(c, http.StatusOK, contentTypeJSON, marshal(out))
}
