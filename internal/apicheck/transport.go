package apicheck

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
)

type mark int

const (
	bad mark = iota + 1
	unchecked
)

type markKey struct{}

// Bad marks the requests made with the context as bad on purpose. They are sent as they
// are, unread; and their answer must be a refusal: a status from 400 to 499 that the
// description has for the operation, with the body that it has there. For a path that is
// not described that is 404, for a method that a path lacks 405.
func Bad(ctx context.Context) context.Context { return context.WithValue(ctx, markKey{}, bad) }

// Unchecked marks the requests made with the context as none of the checker's business.
// They are sent as they are, unread, for tests of what the description does not invite to
// but the API takes; and their answers are checked as ever.
func Unchecked(ctx context.Context) context.Context {
	return context.WithValue(ctx, markKey{}, unchecked)
}

type transport struct {
	checker *Checker
	base    http.RoundTripper
}

// exchange is one request and its answer.
type exchange struct {
	checker *Checker
	route   route
	label   string
	resumes bool // the request goes on with an event stream
}

func (x *exchange) errorf(format string, args ...any) {
	x.checker.report("%s: %s", x.label, fmt.Sprintf(format, args...))
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	x := &exchange{
		checker: t.checker,
		route:   t.checker.doc.route(r),
		label:   r.Method + " " + r.URL.RequestURI(),
		resumes: r.Header.Get("Last-Event-ID") != "",
	}
	marked, _ := r.Context().Value(markKey{}).(mark)
	switch {
	case marked != 0:
	case x.route.op == nil:
		x.errorf("the description has no such operation")
	default:
		// A round tripper may not change the request that it was given.
		r = r.Clone(r.Context())
		body, err := readAll(&r.Body)
		if err != nil {
			return nil, err
		}
		if len(body) == 0 {
			r.Body = http.NoBody
		}
		x.request(r, body)
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if marked == bad && (resp.StatusCode < 400 || resp.StatusCode > 499) {
		x.errorf("response %d to a bad request", resp.StatusCode)
	}
	if want := x.describe(resp); want != nil {
		if err := x.response(want, resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// describe gives what the description says of an answer with such a status, and counts it.
func (x *exchange) describe(resp *http.Response) *response {
	doc, status := x.checker.doc, resp.StatusCode
	stray := doc.native
	// A node without the loopback surface answers there like everywhere else.
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); x.route.loopback && kind == "application/json" {
		stray = doc.local
	}
	switch {
	case x.route.op != nil:
		want := x.route.op.responses[status]
		if want == nil {
			x.errorf("response %d is not in the description, but for %d", status, x.route.op.statuses())
			return nil
		}
		x.checker.coverage.add(x.route.op, status)
		return want
	case status == http.StatusNotFound && x.route.path, status == http.StatusMethodNotAllowed && !x.route.path:
	case stray[status] != nil:
		return stray[status]
	}
	x.errorf("response %d, where the path or its method is not in the description", status)
	return nil
}

func (op *operation) statuses() []int {
	var list []int
	for status := range op.responses {
		list = append(list, status)
	}
	slices.Sort(list)
	return list
}
