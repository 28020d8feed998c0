package local

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

const (
	maxBody      = 64 << 10
	maxMetaDepth = 32
)

type badRequest struct {
	status int
	detail string
}

func (e *badRequest) Error() string { return e.detail }

func bad(format string, args ...any) error {
	return &badRequest{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// request is the body of any of the three writes; a member that is not known is left
// alone, as clients of this surface expect.
type request struct {
	name, id, host string
	port, pid      int64
	meta           jsontext.Value
	seen           []string
}

func (r *request) has(name string) bool { return slices.Contains(r.seen, name) }

// required is what is said of a member that is needed and not there.
var required = map[string]string{
	"name": "must be a string",
	"port": "must be an integer from 1 to 65535",
	"id":   "must be a string",
}

// read reads a body that needs the named members; what is wrong with any member is told at
// once, with what check finds of the rules of the registry. A null is an absent member.
func read(c *gin.Context, check func(*request) []registry.FieldError, needs ...string) (*request, error) {
	// A page of another origin can send a form without asking, and JSON it cannot.
	if t, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || t != "application/json" {
		return nil, &badRequest{http.StatusUnsupportedMediaType, "send Content-Type: application/json"}
	}
	body, err := io.ReadAll(io.LimitReader(c.Request.Body, maxBody+1))
	if err != nil {
		return nil, bad("the body could not be read to its end")
	}
	if len(body) > maxBody {
		c.Header("Connection", "close")
		return nil, &badRequest{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body may have %d bytes", maxBody)}
	}
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	if dec.PeekKind() != '{' {
		if _, err := dec.ReadValue(); err != nil {
			return nil, notJSON(err)
		}
		return nil, bad("the body must be a JSON object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON(err)
	}
	var r request
	var wrong []string
	told := make(map[string]bool) // the members that wrong names
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, notJSON(err)
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return nil, notJSON(err)
		}
		if v.Kind() == 'n' {
			continue
		}
		r.seen = append(r.seen, key)
		if rule := r.set(key, v); rule != "" {
			wrong, told[key] = append(wrong, key+" "+rule), true
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, notJSON(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, bad("the body holds more than one JSON value")
	}
	for _, name := range needs {
		if !r.has(name) {
			wrong, told[name] = append(wrong, name+" "+required[name]), true
		}
	}
	for _, f := range check(&r) {
		field := fieldOf(f.Field)
		if member, _, _ := strings.Cut(field, "."); !told[member] {
			wrong = append(wrong, field+" "+f.Message)
		}
	}
	if len(wrong) > 0 {
		return nil, bad("%s", strings.Join(wrong, "; "))
	}
	return &r, nil
}

func notJSON(err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return bad("a name stands twice in one object")
	case errors.As(err, &syntax):
		return bad("the body is not JSON: %v at byte %d", syntax.Err, syntax.ByteOffset)
	}
	return bad("the body is not complete JSON")
}

// set takes one member, and gives the rule that it breaks.
func (r *request) set(key string, v jsontext.Value) (rule string) {
	switch key {
	case "name":
		return text(v, &r.name)
	case "id":
		return text(v, &r.id)
	case "host":
		return text(v, &r.host)
	case "port":
		return number(v, 1, 65535, &r.port)
	case "pid":
		return number(v, 1, 1<<31-1, &r.pid)
	case "meta":
		if v.Kind() != '{' {
			return "must be an object"
		}
		if depth(v) > maxMetaDepth {
			return fmt.Sprintf("must be nested at most %d deep", maxMetaDepth)
		}
		// Without white space, so that the limits of metadata bound what is kept.
		r.meta = v.Clone()
		if r.meta.Compact() != nil {
			return "must be an object"
		}
	}
	return ""
}

func text(v jsontext.Value, into *string) string {
	if v.Kind() != '"' {
		return "must be a string"
	}
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return "must be a string"
	}
	*into = string(b)
	return ""
}

func number(v jsontext.Value, low, high int64, into *int64) string {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < low || n > high {
		return fmt.Sprintf("must be an integer from %d to %d", low, high)
	}
	*into = n
	return ""
}

func depth(v jsontext.Value) int {
	dec := jsontext.NewDecoder(bytes.NewReader(v))
	deepest := 0
	for {
		if _, err := dec.ReadToken(); err != nil {
			return deepest
		}
		deepest = max(deepest, dec.StackDepth())
	}
}

// metadataOf gives the members of meta as the native surface shows them: values that are
// not strings as JSON text.
func metadataOf(meta jsontext.Value) []store.Pair {
	if len(meta) == 0 {
		return nil
	}
	var pairs []store.Pair
	dec := jsontext.NewDecoder(bytes.NewReader(meta))
	if _, err := dec.ReadToken(); err != nil {
		return nil
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return pairs
		}
		key := name.String()
		v, err := dec.ReadValue()
		if err != nil {
			return pairs
		}
		value := string(v)
		if v.Kind() == '"' {
			text(v, &value)
		}
		pairs = append(pairs, store.Pair{Key: key, Value: value})
	}
	registry.SortMetadata(pairs)
	return pairs
}

// metaOf gives back what was registered; for an instance of the native surface its
// metadata.
func metaOf(in *store.Instance) jsontext.Value {
	if in.Meta != "" {
		return jsontext.Value(in.Meta)
	}
	out := []byte{'{'}
	for i, p := range in.Metadata {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, p.Key)
		out, _ = jsontext.AppendQuote(append(out, ':'), p.Value)
	}
	return append(out, '}')
}
