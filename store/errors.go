package store

import (
	"context"
	"errors"
	"strings"
)

// The kinds of error that a store gives, to be matched with [errors.Is]. Context errors
// pass through as they are.
var (
	ErrNotFound    = errors.New("not found")
	ErrLeaseLost   = errors.New("lease lost")        // the record is gone, or under another lease
	ErrConflict    = errors.New("conflict")          // a condition did not hold
	ErrCompacted   = errors.New("history compacted") // a position is too old, or of another epoch: list again
	ErrInvalid     = errors.New("invalid")
	ErrUnavailable = errors.New("backend unavailable") // nothing is known of the call's effect
	ErrUnsupported = errors.New("unsupported")
	ErrClosed      = errors.New("store closed")
)

// Error is the form of every error of a store.
type Error struct {
	Op      string // the method, in lower case
	Backend string
	Key     Key // zero where the call has no single key
	Kind    error
	Cause   error // may be nil; for logs, never for a client
}

// Error starts with the operation and names backend, key, kind and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(" (")
	b.WriteString(e.Backend)
	b.WriteString(")")
	if e.Key != (Key{}) {
		b.WriteString(" ")
		b.WriteString(e.Key.String())
	}
	b.WriteString(": ")
	b.WriteString(e.Kind.Error())
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap lets errors.Is and errors.As see kind and cause.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}

// IsContext tells whether err is a context's: such errors say nothing about the store.
func IsContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
