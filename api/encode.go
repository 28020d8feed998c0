package api

import (
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/store"
)

// EncodeInstance appends the JSON object of an instance up to, and without, lastHeartbeat
// and the closing brace: the catalog keeps that, and adds the rest when it answers. The
// shape is that of wire.Instance.
func EncodeInstance(dst []byte, r *store.Record) []byte {
	in := &r.Instance
	dst = appendText(append(dst, '{'), "serviceName", r.Key.Service)
	dst = appendText(append(dst, ','), "instanceId", r.Key.ID)
	dst = appendText(append(dst, ','), "address", in.Address)
	dst = appendNumber(dst, "port", int64(in.Port))
	for _, t := range [...]struct{ name, value string }{
		{"protocol", in.Protocol}, {"version", in.Version}, {"env", in.Env}, {"zone", in.Zone}, {"role", in.Role},
	} {
		if t.value != "" {
			dst = appendText(append(dst, ','), t.name, t.value)
		}
	}
	dst = appendNumber(dst, "weight", int64(in.Weight))
	if len(in.Tags) > 0 {
		dst = append(dst, `,"tags":[`...)
		for i, tag := range in.Tags {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, tag)
		}
		dst = append(dst, ']')
	}
	if len(in.Metadata) > 0 {
		dst = append(dst, `,"metadata":{`...)
		for i, p := range in.Metadata {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, p.Key), ':')
			dst = appendQuoted(dst, p.Value)
		}
		dst = append(dst, '}')
	}
	dst = appendText(append(dst, ','), "status", in.Status)
	dst = appendText(append(dst, ','), "health", in.Health)
	if o := in.Override; o != nil {
		dst = append(dst, `,"override":{`...)
		if o.Status != "" {
			dst = append(appendText(dst, "status", o.Status), ',')
		}
		dst = appendText(dst, "reason", o.Reason)
		dst = append(appendNumber(dst, "until", int64(o.Until)), '}')
	}
	dst = appendCheck(dst, in)
	if in.PID != 0 {
		dst = appendNumber(dst, "pid", int64(in.PID))
	}
	dst = appendNumber(dst, "ttl", r.TTL.Milliseconds())
	dst = appendNumber(dst, "registeredAt", int64(r.RegisteredAt))
	dst = append(dst, `,"revision":"`...)
	dst = store.Revision{Epoch: r.Revision.Epoch, Number: r.Changed}.Append(dst)
	return append(dst, '"')
}

func appendText(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, '"'), name...), `":`...)
	return appendQuoted(dst, value)
}

func appendNumber(dst []byte, name string, n int64) []byte {
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return strconv.AppendInt(dst, n, 10)
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

func appendQuoted(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		// Only invalid UTF-8 fails, which no surface lets in; it is replaced, as out shows.
		return out
	}
	return out
}

// scratch is where answers are put together.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

func keepScratch(p *[]byte, b []byte) {
	if cap(b) <= 1<<20 {
		*p = b[:0]
		scratch.Put(p)
	}
}

// positionText remembers how the last position was spelt: between two writes every
// answer has the same.
type positionText struct{ last atomic.Pointer[spelt] }

type spelt struct {
	at   catalog.Position
	text []string
}

func (p *positionText) of(at catalog.Position) []string {
	if s := p.last.Load(); s != nil && s.at == at {
		return s.text
	}
	s := &spelt{at: at, text: []string{at.String()}}
	p.last.Store(s)
	return s.text
}

func formatMillis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func stack() string { return string(debug.Stack()) }
