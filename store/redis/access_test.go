package redis

import (
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{Password: "secret"})
	// As the package's documentation says it.
	server.Do("ACL", "SETUSER", "roster", "on", ">other", "~{roster}:*", "+ping", "+hello", "+auth", "+select", "+client|setname",
		"+eval", "+evalsha", "+info", "+time", "+get", "+set", "+mget", "+del", "+exists", "+pexpire", "+pttl", "+hget", "+hset", "+hmget",
		"+hincrby", "+zadd", "+zrem", "+zrange", "+zrangebylex", "+zrangebyscore", "+lpush", "+ltrim", "+lrange", "+xadd",
		"+xrange", "+xrevrange", "+xread")
	for _, tt := range []struct {
		opts Options
		ok   bool
	}{
		{Options{Password: "secret", Prefix: "roster"}, true},
		{Options{Username: "roster", Password: "other", Prefix: "roster"}, true},
		{Options{Username: "roster", Password: "other", Prefix: "another"}, false},
		{Options{Username: "roster", Password: "secret", Prefix: "roster"}, false},
		{Options{Prefix: "roster"}, false},
	} {
		tt.opts.Addresses = []string{server.Addr()}
		f := open(t, tt.opts)
		if err := f.Ping(t.Context()); tt.ok && err != nil {
			t.Errorf("as %q: %v", tt.opts.Username, err)
		} else if !tt.ok {
			f.wants(err, store.ErrUnavailable)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "other") {
				t.Errorf("the error tells the password: %v", err)
			}
		}
		if tt.ok {
			f.everything()
		}
	}
}

// everything uses every command of Redis that the store uses.
func (f fixture) everything() {
	f.Helper()
	w := f.follow(f.list().Revision)
	rec := f.register("1", 1500*time.Millisecond)
	for _, step := range []func() error{
		func() error { _, err := f.Renew(f.Context(), []store.Ref{rec.Ref(), {Key: rec.Key}}); return err },
		func() error {
			_, err := f.Update(f.Context(), rec.Ref(), store.Reason{}, func(r *store.Record) error { r.Instance.PID++; return nil })
			return err
		},
		func() error { _, err := f.List(f.Context(), store.Selector{Service: "orders"}); return err },
		func() error { _, err := f.History(f.Context(), store.Selector{}, 1); return err },
		func() error { _, err := f.TimeToLive(f.Context(), []store.Ref{rec.Ref()}); return err },
		func() error {
			for b := f.next(w); !b.Events[len(b.Events)-1].Deleted(); b = f.next(w) {
				continue // until it has run out
			}
			_, err := f.Tombstones(f.Context(), rec.Key)
			return err
		},
		func() error {
			_, err := f.Register(f.Context(), instance("1"), store.Grant{If: store.Condition{Absent: true, Generation: rec.Generation}})
			return err
		},
		func() error { _, err := f.Deregister(f.Context(), store.Ref{Key: rec.Key}, store.Reason{}); return err },
		func() error { _, err := f.Check(f.Context()); return err },
	} {
		if err := step(); err != nil {
			f.Error(err)
		}
	}
}
