package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/store"
)

func TestOptionsRefused(t *testing.T) {
	for _, tt := range []struct {
		opts Options
		want string
	}{
		{Options{Addresses: []string{"a:1", "b"}}, `address "b": want host:port`},
		{Options{Prefix: "a{b"}, `prefix "a{b"`},
		{Options{Prefix: "a}b"}, `prefix "a}b"`},
		{Options{Prefix: "a*"}, `prefix "a*"`},
		{Options{Prefix: strings.Repeat("a", 65)}, "want 1 to 64"},
		{Options{DB: -1}, "database"},
		{Options{CallTimeout: -1}, "less than 0"},
		{Options{SweepInterval: -1}, "less than 0"},
		{Options{StreamLength: -1}, "less than 0"},
		{Options{Connections: -1}, "less than 0"},
	} {
		s, err := Open(tt.opts)
		if err == nil {
			s.Close()
			t.Errorf("%+v was accepted", tt.opts)
		} else if !strings.HasPrefix(err.Error(), "open redis: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q in it", tt.opts, err, tt.want)
		}
	}
}

// Open connects to nothing, and a call says within its time that it cannot.
func TestOpenIsLazy(t *testing.T) {
	f := open(t, Options{Addresses: []string{"127.0.0.1:1"}, CallTimeout: time.Second})
	began := time.Now()
	f.wants(f.Ping(t.Context()), store.ErrUnavailable)
	if took := time.Since(began); took > prompt {
		t.Errorf("a call took %v", took)
	}
	f.refusesToRegister(store.ErrUnavailable)
}

// refusesToRegister registers something that must be refused.
func (f fixture) refusesToRegister(kind error) {
	f.Helper()
	rec, err := f.Register(f.Context(), instance("1"), store.Grant{TTL: time.Minute})
	f.wants(err, kind)
	if rec != nil {
		f.Errorf("a registration that was refused gave %+v", *rec)
	}
}
