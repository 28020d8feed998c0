package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/wire"
)

// The largest bodies that are read.
const (
	maxBody  = 64 << 10
	maxBatch = 4 << 20
)

// body is a request's JSON text and the decoder over it, reused between requests. The
// decoder refuses duplicate names, invalid UTF-8 and all else that RFC 8259 forbids.
type body struct {
	buf bytes.Buffer
	dec jsontext.Decoder
}

var bodies = sync.Pool{New: func() any { return new(body) }}

// release gives the body back; nothing that points into it may be kept.
func (b *body) release() {
	if b.buf.Cap() <= 1<<20 {
		bodies.Put(b)
	}
}

// read takes in the body of a request, which must say that it is JSON.
func read(c *gin.Context, limit int64) (*body, error) {
	h := c.Request.Header
	if ct := h["Content-Type"]; len(ct) != 1 || ct[0] != "application/json" && !isJSON(ct[0]) {
		return nil, &problem{code: wire.CodeMediaType, detail: "send Content-Type: application/json"}
	}
	if enc := h.Get("Content-Encoding"); enc != "" && !equalFold(enc, "identity") {
		return nil, &problem{code: wire.CodeMediaType, detail: "compressed bodies are not taken"}
	}
	if c.Request.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b := bodies.Get().(*body)
	b.buf.Reset()
	n, err := b.buf.ReadFrom(io.LimitReader(c.Request.Body, limit+1))
	if err != nil {
		b.release()
		return nil, &problem{code: wire.CodeInvalid, detail: "the body could not be read to its end"}
	}
	if n > limit {
		b.release()
		// What is left of the body is not read: the connection ends with the answer.
		c.Header("Connection", "close")
		return nil, tooLarge(limit)
	}
	b.dec.Reset(&b.buf)
	return b, nil
}

func tooLarge(limit int64) error {
	return &problem{code: wire.CodeTooLarge, detail: fmt.Sprintf("the body may have %d bytes", limit)}
}

func isJSON(contentType string) bool {
	t, params, err := mime.ParseMediaType(contentType)
	charset, given := params["charset"]
	return err == nil && t == "application/json" && (!given || equalFold(charset, "utf-8"))
}

func equalFold(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// document reads the whole body as one object: visit is called for each member, in
// order, and must read its value from the decoder.
func (b *body) document(visit func(name string, dec *jsontext.Decoder) error) error {
	if err := object(&b.dec, visit); err != nil {
		return malformed(err)
	}
	if _, err := b.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return &problem{code: wire.CodeInvalid, detail: "the body holds more than one JSON value"}
	}
	return nil
}

var errNotObject = &problem{code: wire.CodeInvalid, detail: "the body must be a JSON object"}

// object reads one object. The name is valid only until the decoder is read.
func object(dec *jsontext.Decoder, visit func(name string, dec *jsontext.Decoder) error) error {
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return err
		}
		return errNotObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := visit(name.String(), dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// malformed says what is wrong with a text that is not JSON as we take it.
func malformed(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case err == io.EOF: //nolint:errorlint // io.EOF alone; given as it stands where there is nothing at all
		return &problem{code: wire.CodeInvalid, detail: "the body is empty, and must be a JSON object"}
	case !errors.As(err, &syntax):
		return err
	case errors.Is(err, jsontext.ErrDuplicateName):
		return &problem{code: wire.CodeInvalid, detail: "a name stands twice in one object",
			fields: []wire.FieldError{{Field: fieldOf(syntax.JSONPointer), Message: "must stand once"}}}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &problem{code: wire.CodeInvalid, detail: "the body is not complete JSON"}
	}
	return &problem{code: wire.CodeInvalid, detail: fmt.Sprintf("the body is not JSON: %v at byte %d", syntax.Err, syntax.ByteOffset)}
}

// fieldOf spells a JSON pointer as fields are spelt in errors: items[3].token.
func fieldOf(p jsontext.Pointer) string {
	var b strings.Builder
	for tok := range p.Tokens() {
		if _, err := strconv.Atoi(tok); err == nil {
			b.WriteString("[" + tok + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(shortName(tok))
	}
	return b.String()
}

// shortName shows a name that a caller made up.
func shortName(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
