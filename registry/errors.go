package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
)

// Code classifies an error of a use case. A surface maps it to its own terms.
type Code string

// The codes, the same words as on the wire.
const (
	Invalid         Code = "invalid_request"
	Unauthenticated Code = "unauthenticated"
	Forbidden       Code = "forbidden"
	NotFound        Code = "not_found"
	Conflict        Code = "conflict"
	LeaseLost       Code = "lease_lost"
	RateLimited     Code = "rate_limited"
	Unavailable     Code = "unavailable"
	Internal        Code = "internal"
)

// Error is the form of every error of the package but the context's.
type Error struct {
	Code   Code
	Detail string       // for the caller: what happened and what to do; no secrets, no causes
	Fields []FieldError // with Invalid
	Reason store.Code   // with LeaseLost
	// RetryAfter is when to ask again; with RateLimited and Unavailable.
	RetryAfter time.Duration
	Cause      error // for logs only
}

// FieldError names a field of a request and the rule that it breaks.
type FieldError struct{ Field, Message string }

// Error gives code, detail and cause.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Detail
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s: %s", f.Field, f.Message)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// CodeOf gives the code of an error of the package; Internal for others.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

func invalid(fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Detail: "the request breaks the rules named in errors", Fields: fields}
}

// retryAfter is what a caller is told when the backend is out of reach.
const retryAfter = time.Second

// unreachable tells whether the store could not be asked, or not in time.
func unreachable(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrClosed) || store.IsContext(err)
}

// failed turns an error of the store that no rule expects into one for the caller.
func failed(err error) error {
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return err
	case unreachable(err):
		return &Error{Code: Unavailable, Detail: "the backend is out of reach; ask again", RetryAfter: retryAfter, Cause: err}
	case errors.Is(err, store.ErrInvalid):
		return &Error{Code: Invalid, Detail: "the backend refused the record", Cause: err}
	}
	return &Error{Code: Internal, Detail: "the registry failed; its log says why", Cause: err}
}
