package api

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

func (a *API) heartbeat(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	service, id, err := readRef(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	out, err := a.reg.Heartbeat(c.Request.Context(), who, registry.Beat{Service: service, ID: id, Token: token(c)})
	if err != nil {
		a.fail(c, err)
		return
	}
	p := scratch.Get().(*[]byte)
	b := append((*p)[:0], `{"ttl":`...)
	b = appendInt(b, out.TTL.Milliseconds())
	b = append(appendNumber(b, "tokenExpiresAt", int64(out.TokenExpires)), '}')
	a.json(c, http.StatusOK, b)
	keepScratch(p, b)
}

// batch is the items of one call, reused between calls.
type batch struct {
	quick quickBatch      // of a body that it could read
	beats []registry.Beat // else
	errs  []fields        // of the item with the same index
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// release empties the batch, for the next call.
func (x *batch) release() {
	x.quick.reset()
	clear(x.beats)
	clear(x.errs)
	x.beats, x.errs = x.beats[:0], x.errs[:0]
	batches.Put(x)
}

func (a *API) heartbeats(c *gin.Context) {
	who, ok := a.caller(c)
	if !ok {
		return
	}
	items := batches.Get().(*batch)
	defer items.release()
	if err := items.read(c); err != nil {
		a.fail(c, err)
		return
	}
	var outs []registry.Beaten
	if items.quick.Len() > 0 {
		outs = a.reg.HeartbeatsOf(c.Request.Context(), who, &items.quick.Batch)
	} else {
		outs = a.reg.Heartbeats(c.Request.Context(), who, items.beats)
	}
	p := scratch.Get().(*[]byte)
	b := append((*p)[:0], `{"results":[`...)
	from, to := 0, 0 // of the outcome before, where it was good
	for i := range outs {
		if i > 0 {
			b = append(b, ',')
		}
		out, err := &outs[i], outs[i].Err
		if i < len(items.errs) {
			if bad := items.errs[i].err(); bad != nil {
				err = bad
			}
		}
		switch {
		case err != nil:
			b = appendOutcome(b, out, err)
			from, to = 0, 0
		case to > 0 && out.TTL == outs[i-1].TTL && out.TokenExpires == outs[i-1].TokenExpires:
			b = append(b, b[from:to]...)
		default:
			from = len(b)
			b = appendOutcome(b, out, nil)
			to = len(b)
		}
	}
	b = append(b, "]}"...)
	a.json(c, http.StatusOK, b)
	keepScratch(p, b)
}

func appendOutcome(b []byte, out *registry.Beaten, err error) []byte {
	if err == nil {
		b = append(b, `{"status":200`...)
		b = appendNumber(b, "ttl", out.TTL.Milliseconds())
		b = appendNumber(b, "tokenExpiresAt", int64(out.TokenExpires))
		return append(b, '}')
	}
	p, _ := describe(err)
	r := wire.HeartbeatResult{Status: p.Status, Code: p.Code, Reason: p.Reason, Detail: p.Detail}
	if len(p.Errors) > 0 {
		r.Detail = p.Errors[0].Field + " " + p.Errors[0].Message
	}
	return append(b, marshal(r)...)
}

// read reads the items. What is wrong with one of them is noted beside it and spoils no
// other; what is wrong with the JSON spoils all.
func (x *batch) read(c *gin.Context) error {
	b, err := read(c, maxBatch)
	if err != nil {
		return err
	}
	defer b.release()
	if x.quick.read(b.buf.Bytes()) {
		return nil
	}
	return x.items(b)
}

// items reads the items of any body.
func (x *batch) items(b *body) error {
	var f fields
	seen := false
	err := b.document(func(name string, dec *jsontext.Decoder) error {
		if name != "items" {
			return f.unknown(name, dec)
		}
		seen = true
		if dec.PeekKind() != '[' {
			f.add("items", "must be an array of objects")
			return dec.SkipValue()
		}
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		for dec.PeekKind() != ']' {
			if len(x.beats) == wire.MaxBatch {
				return &problem{code: wire.CodeInvalid, detail: "the batch is too large",
					fields: []wire.FieldError{{Field: "items", Message: fmt.Sprintf("must be at most %d", wire.MaxBatch)}}}
			}
			if err := x.item(dec); err != nil {
				return err
			}
		}
		_, err := dec.ReadToken()
		return err
	})
	if err == nil && !seen {
		f.add("items", "is needed")
	}
	if err != nil {
		return err
	}
	return f.err()
}

func (x *batch) item(dec *jsontext.Decoder) error {
	var beat registry.Beat
	var f fields
	if dec.PeekKind() != '{' {
		f.add("item", "must be an object")
		if err := dec.SkipValue(); err != nil {
			return err
		}
	} else if err := object(dec, func(name string, dec *jsontext.Decoder) error {
		switch name {
		case "serviceName":
			return f.text(name, dec, &beat.Service)
		case "instanceId":
			return f.text(name, dec, &beat.ID)
		case "token":
			return f.text(name, dec, &beat.Token)
		}
		return f.unknown(name, dec)
	}); err != nil {
		return err
	}
	if len(f.errs) > 0 {
		// Without names it reaches nothing.
		beat = registry.Beat{}
	}
	x.beats = append(x.beats, beat)
	x.errs = append(x.errs, f)
	return nil
}
