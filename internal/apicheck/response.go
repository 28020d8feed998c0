package apicheck

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Headers that belong to HTTP, to caches and to browsers rather than to the API: an
// answer may have them without a word in the description.
var ordinary = map[string]bool{
	"Cache-Control":           true,
	"Connection":              true,
	"Content-Encoding":        true,
	"Content-Length":          true,
	"Content-Security-Policy": true,
	"Content-Type":            true,
	"Date":                    true,
	"Referrer-Policy":         true,
	"Trailer":                 true,
	"Transfer-Encoding":       true,
	"Vary":                    true,
	"X-Accel-Buffering":       true,
	"X-Content-Type-Options":  true,
	"X-Frame-Options":         true,
}

// response checks an answer against its description, and leaves a body that reads as
// before. The error is that of reading the body.
func (x *exchange) response(want *response, got *http.Response) error {
	x.headers(want, got.Header)
	if got.Request != nil && got.Request.Method == http.MethodHead {
		return nil
	}
	contentType := got.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(contentType)
	media, ok := want.content[kind]
	if len(want.content) > 0 && (err != nil || !ok) {
		x.errorf("response %d: content type %q is not in the description", got.StatusCode, contentType)
	}
	if media.events != nil {
		got.Body = newEventStream(got.Body, newWatch(x, media))
		return nil
	}
	body, err := readAll(&got.Body)
	if err != nil {
		return err
	}
	switch {
	case len(want.content) == 0 && len(body) > 0:
		x.errorf("response %d: the description has no body: %s", got.StatusCode, shorten(body))
	case ok && isJSON(kind) && media.schema != nil:
		if err := media.schema.checkJSON(body); err != nil {
			x.errorf("response %d: %v\n%s", got.StatusCode, err, shorten(body))
		}
	}
	return nil
}

func (x *exchange) headers(want *response, got http.Header) {
	for _, name := range slices.Sorted(maps.Keys(want.headers)) {
		h, texts := want.headers[name], got.Values(name)
		if len(texts) == 0 {
			if h.required {
				x.errorf("response: header %s is missing", name)
			}
			continue
		}
		if err := h.schema.checkText(texts...); err != nil {
			x.errorf("response: header %s: %v", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want.headers[name]; !ok && !ordinary[name] {
			x.errorf("response: header %s is not in the description", name)
		}
	}
}

func isJSON(kind string) bool {
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// readAll reads a body to its end and puts one in its place that gives the same bytes.
func readAll(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(*body)
	if closed := (*body).Close(); err == nil {
		err = closed
	}
	*body = io.NopCloser(bytes.NewReader(b))
	return b, err
}
