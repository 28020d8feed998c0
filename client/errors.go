package client

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/wire"
)

// The kinds of error, for [errors.Is]. Errors of a context pass through as they are.
var (
	// ErrInvalid: the registry, or this package, refuses what was asked; asking again
	// does not help.
	ErrInvalid = errors.New("invalid request")
	// ErrUnauthenticated: the token is missing, not this instance's, or has run out.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrForbidden: the identity may not do this.
	ErrForbidden = errors.New("forbidden")
	// ErrNotFound: the registry knows no such thing, and answered so itself.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else holds the instance.
	ErrConflict = errors.New("conflict")
	// ErrLeaseLost: the instance was registered and is gone; Error.Reason says why.
	ErrLeaseLost = errors.New("lease lost")
	// ErrRateLimited: too many calls; Error.RetryAfter says when to come back.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnavailable: no address answers, or those that do cannot serve at present.
	// What became of a write is not known.
	ErrUnavailable = errors.New("unavailable")
	// ErrClosed: the watcher, the registration or the resolver was closed.
	ErrClosed = errors.New("closed")
	// ErrNoInstance: no instance of the service can be chosen at present.
	ErrNoInstance = errors.New("no instance")
	// ErrNotTold: an instance drains, but not all who watch it have been told in time.
	ErrNotTold = errors.New("not all watchers have been told")
)

// kinds reverses the registry's table of codes.
var kinds = map[string]error{
	wire.CodeInvalid:         ErrInvalid,
	wire.CodeTooLarge:        ErrInvalid,
	wire.CodeMediaType:       ErrInvalid,
	wire.CodeUnauthenticated: ErrUnauthenticated,
	wire.CodeForbidden:       ErrForbidden,
	wire.CodeNotFound:        ErrNotFound,
	wire.CodeConflict:        ErrConflict,
	wire.CodeLeaseLost:       ErrLeaseLost,
	wire.CodeRateLimited:     ErrRateLimited,
	wire.CodeUnavailable:     ErrUnavailable,
}

// foreign gives the code of an answer that is no problem of the registry's but of
// something on the way to it. A bare 404 or 410 proves nothing about an instance, so
// those have none.
var foreign = map[int]string{
	http.StatusUnauthorized:       wire.CodeUnauthenticated,
	http.StatusForbidden:          wire.CodeForbidden,
	http.StatusTooManyRequests:    wire.CodeRateLimited,
	http.StatusBadGateway:         wire.CodeUnavailable,
	http.StatusServiceUnavailable: wire.CodeUnavailable,
	http.StatusGatewayTimeout:     wire.CodeUnavailable,
}

// Error is what went wrong with a call, told by the registry or, with Status 0, by the
// network.
type Error struct {
	Status     int    // of HTTP; 0 where no answer came
	Code       string // of the registry's problem; empty for an answer that is not the registry's
	Title      string
	Detail     string
	Reason     string            // with lease_lost: why the instance is gone
	Fields     []wire.FieldError // every field that is not valid
	RetryAfter time.Duration     // 0: not said
	Cause      error             // of a network failure

	sent bool   // it failed, and the request may have reached the registry nevertheless
	body []byte // the answer where it is JSON, for calls that read it in spite of the status
	// stranger: what answered is no registry, as far as its answer shows.
	stranger bool
}

// Error gives code, detail and fields in one line.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Code != "":
		b.WriteString(e.Code)
	case e.Status != 0:
		b.WriteString("status " + strconv.Itoa(e.Status))
	default:
		b.WriteString("failed")
	}
	if e.Reason != "" {
		b.WriteString(" (" + e.Reason + ")")
	}
	if text := e.Detail; text != "" {
		b.WriteString(": " + text)
	} else if e.Title != "" {
		b.WriteString(": " + e.Title)
	}
	for i, f := range e.Fields {
		b.WriteString([]string{": ", "; "}[min(i, 1)] + f.Field + ": " + f.Message)
	}
	return b.String()
}

// Is tells whether target is the kind of the error's code.
func (e *Error) Is(target error) bool {
	kind, ok := kinds[e.Code]
	return ok && kind == target
}

// Unwrap gives the cause of a network failure.
func (e *Error) Unwrap() error { return e.Cause }

// ResultError gives the error of one item of a batch, nil if it was renewed.
func ResultError(r wire.HeartbeatResult) error {
	if r.Status >= 200 && r.Status < 300 {
		return nil
	}
	return &Error{Status: r.Status, Code: r.Code, Title: http.StatusText(r.Status), Detail: r.Detail, Reason: r.Reason}
}

// invalid is the error of a request that is not worth sending.
func invalid(field, message string) error {
	return &Error{
		Status: http.StatusBadRequest, Code: wire.CodeInvalid,
		Fields: []wire.FieldError{{Field: field, Message: message}},
	}
}

// answerError reads the answer to a call that failed.
func answerError(base string, resp *http.Response, body []byte, now time.Time) *Error {
	e := &Error{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "application/json" {
		e.body = body
	}
	var p wire.Problem
	if media == wire.ContentTypeProblem && json.Unmarshal(body, &p) == nil && p.Code != "" {
		e.Code, e.Detail, e.Reason, e.Fields = p.Code, p.Detail, p.Reason, p.Errors
		if p.Title != "" {
			e.Title = p.Title
		}
		return e
	}
	e.Code, e.stranger = foreign[resp.StatusCode], true
	e.Detail = base + " answers " + strconv.Itoa(resp.StatusCode) + " " + e.Title +
		", not in the form of a Roster registry"
	return e
}

// strangerError is the error of an answer that says that all is well, and is no registry's.
func strangerError(base string, status int) *Error {
	e := &Error{Status: status, Title: http.StatusText(status), stranger: true}
	e.Detail = base + " answers " + strconv.Itoa(status) + " " + e.Title + ", but is no Roster registry"
	return e
}

// strange tells whether an error is of an answer that no registry gave.
func strange(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.stranger
}

// maxRetryAfter bounds what a Retry-After may ask for.
const maxRetryAfter = time.Hour

func retryAfter(value string, now time.Time) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
