package apicheck

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// request checks what a test sends. The body is given whole.
func (x *exchange) request(r *http.Request, body []byte) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		x.errorf("query: %v", err)
	}
	for _, p := range x.route.op.params {
		switch p.in {
		case "path":
			x.parameter(p, []string{x.route.parameters[p.name]})
		case "query":
			if p.schema.kind == "object" {
				continue
			}
			x.parameter(p, query[p.name])
			delete(query, p.name)
		case "header":
			x.parameter(p, r.Header.Values(p.name))
		}
	}
	x.rest(query)
	if !authenticated(x.route.op, r) {
		x.errorf("request: no credentials that the operation's security asks for")
	}
	x.requestBody(r.Header.Get("Content-Type"), body)
}

func (x *exchange) parameter(p parameter, texts []string) {
	switch {
	case len(texts) == 0:
		if p.required {
			x.errorf("request: %s parameter %s is missing", p.in, p.name)
		}
		return
	case p.allowEmpty && slices.Equal(texts, []string{""}):
		return
	}
	if err := p.schema.checkText(texts...); err != nil {
		x.errorf("request: %s parameter %s: %v", p.in, p.name, err)
	}
}

// rest checks the query parameters without a name of their own: those that make up an
// object, written with style form and explode (the filters meta.<key>).
func (x *exchange) rest(query url.Values) {
	if len(query) == 0 {
		return
	}
	object := make(map[string]any)
	for name, texts := range query {
		object[name] = texts[0]
		if len(texts) > 1 {
			x.errorf("request: query parameter %s: given %d times, not once", name, len(texts))
		}
	}
	for _, p := range x.route.op.params {
		if p.in == "query" && p.schema.kind == "object" {
			if err := p.schema.check(object); err != nil {
				x.errorf("request: query parameters: %v", err)
			}
			return
		}
	}
	for name := range query {
		x.errorf("request: query parameter %s is not in the description", name)
	}
}

func (x *exchange) requestBody(contentType string, body []byte) {
	if x.route.op.body == nil {
		if len(body) > 0 {
			x.errorf("request: the description has no body: %s", shorten(body))
		}
		return
	}
	kind, _, err := mime.ParseMediaType(contentType)
	media, ok := x.route.op.body[kind]
	if err != nil || !ok {
		x.errorf("request: content type %q is not in the description", contentType)
		return
	}
	if err := media.schema.checkJSON(body); err != nil {
		x.errorf("request body: %v\n%s", err, shorten(body))
	}
}
