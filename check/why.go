package check

import (
	"errors"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// ErrUndecided: the target was not looked at, through no fault of its own. Such a result counts
// neither as passed nor as failed; the schedule looks again.
var ErrUndecided = errors.New("not checked")

// why is a reason that may be shown to anybody.
type why string

func (w why) Error() string { return string(w) }

// refused is a reason of the policy's: nothing that was found may be connected to. It is [ErrForbidden].
type refused string

func (r refused) Error() string        { return string(r) }
func (r refused) Is(target error) bool { return target == ErrForbidden }

// undecided is a reason of this machine's, not of the target's.
type undecided string

func (u undecided) Error() string        { return "not checked: " + string(u) }
func (u undecided) Is(target error) bool { return target == ErrUndecided }

func timedOut(after time.Duration) error {
	return why("timed out after " + strconv.FormatFloat(after.Seconds(), 'f', -1, 64) + " s")
}

// plain puts what went wrong into words that may be shown: no text of the system, of a
// library or of the target's is in them.
func plain(err error) error {
	var w why
	var r refused
	var u undecided
	switch {
	case errors.As(err, &w):
		return w
	case errors.As(err, &r):
		return r
	case errors.As(err, &u):
		return u
	}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.why
		}
	}
	return why("connection failed")
}

var reasons = []struct{ err, why error }{
	{syscall.ECONNREFUSED, why("connection refused")},
	{syscall.ECONNRESET, why("connection reset")},
	{syscall.EPIPE, why("connection reset")},
	{syscall.ECONNABORTED, why("connection reset")},
	{io.EOF, why("connection closed")},
	{io.ErrUnexpectedEOF, why("connection closed")},
	{net.ErrClosed, why("connection closed")},
	{syscall.EHOSTUNREACH, why("no route to its address")},
	{syscall.ENETUNREACH, why("no route to its address")},
	{syscall.ETIMEDOUT, why("timed out")},
	{syscall.EMFILE, undecided("too many open files")},
	{syscall.ENFILE, undecided("too many open files")},
	{syscall.EADDRNOTAVAIL, undecided("no local port is free")},
	{syscall.ENOBUFS, undecided("too little memory")},
	{syscall.ENOMEM, undecided("too little memory")},
}
