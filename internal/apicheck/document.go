package apicheck

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/roster-sd/roster/api"
)

// document is the description, compiled.
type document struct {
	operations []*operation
	native     strays
	local      strays          // where the loopback surface answers
	loopback   map[string]bool // the first segments of its paths
}

// strays are the answers, by status, to requests that no operation describes: 404 to a path
// that is not described, 405 to a method that a described path lacks, and to both those of
// a guard that lets no request through.
type strays map[int]*response

type operation struct {
	id        string
	method    string
	path      string
	local     bool // of the loopback surface, and of no other
	segments  []string
	security  []requirement // any of them will do; none: nothing is needed
	params    []parameter
	body      map[string]mediaType // by media type; nil: none is described
	responses map[int]*response
}

func (op *operation) exercise(status int) Exercise {
	return Exercise{Operation: op.id, Method: op.method, Path: op.path, Status: status}
}

type parameter struct {
	name, in   string
	required   bool
	allowEmpty bool
	schema     *schema
}

type response struct {
	headers map[string]header // by canonical name
	content map[string]mediaType
}

type header struct {
	required bool
	schema   *schema
}

type mediaType struct {
	schema  *schema
	events  map[string]*schema // of an event stream, by event name
	eventID *schema
}

// The description is compiled once a process: New is called in every test.
var strictDocument = sync.OnceValues(func() (*document, error) { return load(api.OpenAPIJSON(), true) })

// load reads the description; strict, as the package comment says, or as published.
func load(src []byte, strict bool) (*document, error) {
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		return nil, err
	}
	if strict {
		closeDocument(raw)
	}
	l := loader{compiler: jsonschema.NewCompiler()}
	l.compiler.DefaultDraft(jsonschema.Draft2020)
	l.compiler.AssertFormat()
	if err := l.compiler.AddResource(documentURL, raw); err != nil {
		return nil, err
	}
	return l.document(node{root: raw, value: raw})
}

type loader struct{ compiler *jsonschema.Compiler }

func (l loader) document(root node) (*document, error) {
	doc := &document{native: make(strays), local: make(strays), loopback: make(map[string]bool)}
	responses := root.get("components").get("responses")
	for name, status := range map[string]int{
		"Forbidden": http.StatusForbidden, "NotFound": http.StatusNotFound,
		"MethodNotAllowed": http.StatusMethodNotAllowed, "Misdirected": http.StatusMisdirectedRequest,
	} {
		var err error
		if doc.native[status], err = l.response(responses.get(name)); err != nil {
			return nil, err
		}
		if doc.local[status], err = l.response(responses.get("Local" + name)); err != nil {
			return nil, err
		}
	}
	for path, item := range root.get("paths").members() {
		for name, n := range item.members() {
			method := strings.ToUpper(name)
			if !slices.Contains(methods, method) {
				continue
			}
			op, err := l.operation(root, item, n)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", method, path, err)
			}
			op.method, op.path, op.segments = method, path, strings.Split(path, "/")
			doc.operations = append(doc.operations, op)
			surfaces := make(map[bool]bool)
			for tag := range n.get("tags").items() {
				surfaces[tag.text() == "loopback"] = true
			}
			if surfaces[true] {
				doc.loopback[op.segments[1]] = true
			}
			op.local = surfaces[true] && !surfaces[false]
		}
	}
	return doc, nil
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions, http.MethodTrace,
}

func (l loader) operation(root, item, n node) (*operation, error) {
	op := &operation{id: n.get("operationId").text(), responses: make(map[int]*response)}
	security := n.get("security")
	if !security.exists() {
		security = root.get("security")
	}
	schemes := root.get("components").get("securitySchemes")
	for alternative := range security.items() {
		var r requirement
		for name := range alternative.members() {
			r = append(r, credentialOf(schemes.get(name)))
		}
		op.security = append(op.security, r)
	}
	for _, list := range []node{item.get("parameters"), n.get("parameters")} {
		for p := range list.items() {
			compiled, err := p.compile(l.compiler, "schema")
			if err != nil {
				return nil, err
			}
			op.params = append(op.params, parameter{
				name:       p.get("name").text(),
				in:         p.get("in").text(),
				required:   p.get("required").flag(),
				allowEmpty: p.get("allowEmptyValue").flag(),
				schema:     compiled,
			})
		}
	}
	var err error
	if body := n.get("requestBody"); body.exists() {
		if op.body, err = l.content(body.get("content")); err != nil {
			return nil, err
		}
	}
	for name, r := range n.get("responses").members() {
		status, err := strconv.Atoi(name)
		if err != nil {
			return nil, fmt.Errorf("response %q: only single statuses are understood", name)
		}
		if op.responses[status], err = l.response(r); err != nil {
			return nil, fmt.Errorf("response %d: %w", status, err)
		}
	}
	return op, nil
}

func (l loader) response(n node) (*response, error) {
	r := &response{headers: make(map[string]header)}
	for name, h := range n.get("headers").members() {
		compiled, err := h.compile(l.compiler, "schema")
		if err != nil {
			return nil, err
		}
		r.headers[http.CanonicalHeaderKey(name)] = header{required: h.get("required").flag(), schema: compiled}
	}
	var err error
	r.content, err = l.content(n.get("content"))
	return r, err
}

func (l loader) content(n node) (map[string]mediaType, error) {
	content := make(map[string]mediaType)
	for name, n := range n.members() {
		var m mediaType
		var err error
		if m.schema, err = n.compile(l.compiler, "schema"); err != nil {
			return nil, err
		}
		if m.eventID, err = n.compile(l.compiler, "x-sse-id"); err != nil {
			return nil, err
		}
		events := n.get("x-sse-events")
		for event := range events.members() {
			if m.events == nil {
				m.events = make(map[string]*schema)
			}
			if m.events[event], err = events.compile(l.compiler, event); err != nil {
				return nil, err
			}
		}
		content[name] = m
	}
	return content, nil
}

func escapeFragment(pointer string) string {
	return (&url.URL{Fragment: pointer}).EscapedFragment()
}
