package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/roster-sd/roster/store"
)

func TestErrorText(t *testing.T) {
	key := store.InstanceKey("user", "1")
	for _, tt := range []struct {
		err  store.Error
		want string
	}{
		{store.Error{Op: "get", Backend: "memory", Key: key, Kind: store.ErrNotFound}, "get (memory) instance/user/1: not found"},
		{store.Error{Op: "list", Backend: "redis", Kind: store.ErrUnavailable, Cause: io.EOF}, "list (redis): backend unavailable: EOF"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("the error reads %q, want %q", got, tt.want)
		}
	}
}

func TestErrorMatches(t *testing.T) {
	err := fmt.Errorf("resolve: %w", &store.Error{Op: "get", Backend: "redis", Kind: store.ErrUnavailable, Cause: io.ErrUnexpectedEOF})
	if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the error matches not both its kind and its cause")
	}
	if errors.Is(err, store.ErrNotFound) {
		t.Error("the error matches another kind")
	}
	var of *store.Error
	if !errors.As(err, &of) || of.Op != "get" {
		t.Errorf("errors.As gave %+v", of)
	}
	plain := &store.Error{Op: "get", Kind: store.ErrNotFound}
	if !errors.Is(plain, store.ErrNotFound) || errors.Is(plain, io.EOF) {
		t.Error("an error without a cause matches wrongly")
	}
}

func TestIsContext(t *testing.T) {
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, fmt.Errorf("list: %w", context.Canceled)} {
		if !store.IsContext(err) {
			t.Errorf("%v is no context's error", err)
		}
	}
	for _, err := range []error{nil, io.EOF, store.ErrClosed, &store.Error{Kind: store.ErrUnavailable}} {
		if store.IsContext(err) {
			t.Errorf("%v is a context's error", err)
		}
	}
}
