package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/wire"
)

func (a *API) patch(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	q, err := parse(c.Request.URL.RawQuery, false, "told")
	if err != nil {
		a.fail(c, err)
		return
	}
	p, err := readPatch(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	service, id := c.Param("serviceName"), c.Param("instanceId")
	rec, err := a.reg.Update(c.Request.Context(), who, service, id, token(c), p)
	if err != nil {
		a.fail(c, err)
		return
	}
	if q.told > 0 {
		a.tell(c, service, rec.Revision, q.told)
	}
	last := rec.RegisteredAt
	if item, _, ok := a.reg.Catalog().Get(service, id); ok {
		last = item.LastHeartbeat
	}
	a.json(c, http.StatusOK, a.reg.Catalog().Item(rec, last).AppendJSON(nil))
}

// tell waits for the watchers of a change, and says in a header whether they have been told.
func (a *API) tell(c *gin.Context, service string, rev store.Revision, within time.Duration) {
	// The server's deadlines are for a request that is answered at once.
	rc := http.NewResponseController(c.Writer)
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})
	defer func() { _ = rc.SetWriteDeadline(time.Now().Add(writeWithin)) }()
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() { // ends with this call, which waits for it
		defer close(ended)
		select {
		case <-a.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	told := a.reg.Told(ctx, service, rev, within)
	cancel()
	<-ended
	c.Writer.Header()[wire.HeaderTold] = []string{strconv.FormatBool(told)}
}

func readPatch(c *gin.Context) (registry.Patch, error) {
	b, err := read(c, maxBody)
	if err != nil {
		return registry.Patch{}, err
	}
	defer b.release()
	var p registry.Patch
	var f fields
	err = b.document(func(name string, dec *jsontext.Decoder) error {
		before := len(f.errs)
		switch name {
		case "status":
			var s string
			err := f.text(name, dec, &s)
			if len(f.errs) == before {
				p.Status = &s
			}
			return err
		case "weight":
			var n int64
			err := f.number(name, dec, 1, 10_000, ruleWeight, &n)
			if len(f.errs) == before {
				w := uint16(n)
				p.Weight = &w
			}
			return err
		case "tags":
			var tags []string
			err := f.texts(name, dec, &tags)
			p.Tags = &tags
			return err
		case "metadata":
			p.Metadata = make(map[string]*string)
			return f.members(name, dec, true, func(key string, value *string) { p.Metadata[key] = value })
		}
		return f.unknown(name, dec)
	})
	if err == nil && len(f.errs) > 0 {
		for _, e := range p.Check() {
			if e.Field != "body" && !f.told(e.Field) { // an empty body is none of the faults of a bad one
				f.add(e.Field, e.Message)
			}
		}
		err = f.err()
	}
	return p, err
}
