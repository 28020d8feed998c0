package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/roster-sd/roster/catalog"
)

// partSize is how much of a long answer is put together before it is written: what a
// reader that takes its time costs, however long the answer.
const partSize = 256 << 10

// parts writes an answer of 200 while it is put together. One shorter than a part is
// written whole, with its length.
type parts struct {
	api   *API
	c     *gin.Context
	at    catalog.Position // of the view that is answered
	begun bool             // the status is out
	over  bool             // the reader takes no more
}

// spill writes what is there once that is a part, and gives the room to go on with. False:
// the rest is not wanted, because the reader is gone, or too slow, or asked for no body.
func (p *parts) spill(b []byte) ([]byte, bool) {
	if len(b) < partSize {
		return b, true
	}
	p.send(b)
	if p.c.Request.Method == http.MethodHead {
		p.over = true
	}
	return b[:0], !p.over
}

// end writes the last part.
func (p *parts) end(b []byte) {
	switch {
	case p.over:
	case p.begun:
		p.send(b)
	default:
		p.api.revisionAt(p.c, p.at)
		p.api.write(p.c, http.StatusOK, contentTypeJSON, b)
	}
}

// send writes a part within a deadline of its own: the server's is for answers that go
// out at once. It works for HTTP/2 as well, where it is that of the stream.
func (p *parts) send(b []byte) {
	w := p.c.Writer
	if !p.begun {
		p.begun = true
		p.api.revisionAt(p.c, p.at)
		w.Header()["Content-Type"] = contentTypeJSON
		w.WriteHeader(http.StatusOK)
	}
	// A connection that takes no deadline any more takes no write either.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := w.Write(b); err != nil {
		p.over = true
	}
}
