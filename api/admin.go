package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// administrator gives the caller if it administers the registry. What it sent is looked at
// only then.
func (a *API) administrator(c *gin.Context) (registry.Caller, bool) {
	who, ok := a.caller(c)
	if !ok {
		return who, false
	}
	if err := a.reg.Administer(c.Request.Context(), who); err != nil {
		a.fail(c, err)
		return who, false
	}
	return who, true
}

func (a *API) checkPolicy(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	q, err := readQuestion(c)
	if err != nil {
		a.fail(c, err)
		return
	}
	d, err := a.reg.CheckPolicy(c.Request.Context(), who, q)
	if err != nil {
		a.fail(c, err)
		return
	}
	out := wire.PolicyDecision{Allowed: d.Allowed, Reason: d.Text, Change: d.Change}
	if d.Pattern != "" {
		out.Rule = &wire.PolicyRule{Index: d.Rule, Identity: d.Pattern}
	}
	a.json(c, http.StatusOK, marshal(out))
}

func readQuestion(c *gin.Context) (q registry.PolicyQuestion, err error) {
	var f fields
	err = f.read(c, func(name string, dec *jsontext.Decoder) error {
		switch name {
		case "identity":
			return f.text(name, dec, &q.Identity)
		case "action":
			return f.text(name, dec, &q.Action)
		case "serviceName":
			return f.text(name, dec, &q.Service)
		}
		return f.unknown(name, dec)
	}, func() []registry.FieldError { return q.Check() })
	return q, err
}

// dumpPart is how much of a dump is put together before it is sent.
const dumpPart = 64 << 10

// dump streams the whole registry as JSON lines. A reader that takes nothing for too long
// ends it, and so does the stop of the server; it then lacks its last line.
func (a *API) dump(c *gin.Context) {
	who, ok := a.administrator(c)
	if !ok {
		return
	}
	views, at, err := a.reg.Dump(c.Request.Context(), who)
	if err != nil {
		a.fail(c, err)
		return
	}
	h, _ := a.state()
	a.revisionAt(c, at)
	c.Header("Content-Type", wire.ContentTypeLines)
	c.Header("Cache-Control", "no-store")
	c.Writer.WriteHeader(http.StatusOK)
	rc := http.NewResponseController(c.Writer)
	p := scratch.Get().(*[]byte)
	b := (*p)[:0]
	defer func() { keepScratch(p, b) }()
	send := func() bool {
		select {
		case <-a.stop:
			return false
		default:
		}
		if rc.SetWriteDeadline(time.Now().Add(writeWithin)) != nil {
			return false
		}
		_, err := c.Writer.Write(b)
		b = b[:0]
		return err == nil
	}
	b = append(append(b, marshal(wire.DumpLine{Kind: wire.DumpRegistry, Node: h.Node, Backend: h.Backend,
		Revision: at.String(), Time: time.Now().UnixMilli()})...), '\n')
	n := 0
	for _, view := range views {
		for item := range view.Items("") {
			b = appendDumped(b, item)
			if n++; len(b) >= dumpPart && !send() {
				return
			}
		}
	}
	b = append(append(b, marshal(wire.DumpLine{Kind: wire.DumpEnd, Instances: &n})...), '\n')
	send()
}

func appendDumped(b []byte, item catalog.Item) []byte {
	r := item.Record()
	b = appendText(append(b, '{'), "kind", wire.DumpInstance)
	b = appendText(append(b, ','), "owner", r.Owner)
	b = append(strconv.AppendUint(append(b, `,"generation":`...), r.Generation, 10), ',')
	if r.Tokens.UsedExpires != 0 {
		b = append(strconv.AppendInt(append(b, `"tokenExpiresAt":`...), r.Tokens.UsedExpires, 10), ',')
	}
	b = item.AppendJSON(append(b, `"instance":`...))
	return append(b, "}\n"...)
}
