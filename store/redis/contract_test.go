package redis

import (
	"context"
	"testing"
	"time"

	"github.com/roster-sd/roster/internal/redistest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/storetest"
)

func TestContract(t *testing.T) {
	server := redistest.Shared(t)
	storetest.Run(t, storetest.Harness{
		Open:      func(*testing.T) storetest.Cluster { return cluster(server.Addr(), 0) },
		OpenShort: func(_ *testing.T, events int) storetest.Cluster { return cluster(server.Addr(), events) },
		Parallel:  true,
		MinTTL:    2 * time.Second,
	})
}

// cluster gives a keyspace of its own on a server.
func cluster(address string, events int) storetest.Cluster {
	net := &wire{}
	opts := Options{
		Addresses: []string{address}, Prefix: redistest.Prefix(), StreamLength: events, Dial: net.dial,
		// A machine that is busy with other things is not to look like an outage.
		CallTimeout: 10 * time.Second, mute: 5 * time.Second,
	}
	return storetest.Cluster{
		Node: func(t *testing.T) store.Store {
			s, err := Open(opts)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Compact:    func(t *testing.T) { raw(t, address).do("XTRIM", "{"+opts.Prefix+"}:x", "MAXLEN", 1) },
		LoseData:   func(t *testing.T) { raw(t, address).lose(opts.Prefix) },
		Checkpoint: func(t *testing.T) func() { return raw(t, address).checkpoint(opts.Prefix) },
		Outage:     func(*testing.T) func() { return net.cut() },
	}
}

// server is a server of Redis behind the back of stores.
type server struct {
	*testing.T
	address string
}

func raw(t *testing.T, address string) server { return server{t, address} }

func (s server) do(args ...any) any {
	s.Helper()
	c := redistest.Dial(s.address)
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), prompt)
	defer cancel()
	v, err := c.Do(ctx, args...).Result()
	if err != nil {
		s.Fatalf("%v: %v", args[0], err)
	}
	return v
}

// lose removes all keys of a prefix in one step.
func (s server) lose(prefix string) {
	s.Helper()
	s.do("EVAL", `for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', k) end return 1`, 0, "{"+prefix+"}:*")
}

// checkpoint notes all keys of a prefix. What it gives puts them back in one step, in place of
// all that is there then: the server stays the same, which makes it hard to notice.
func (s server) checkpoint(prefix string) (rollback func()) {
	s.Helper()
	pattern := "{" + prefix + "}:*"
	saved := s.do("EVAL", `local out = {}
for _, k in ipairs(redis.call('KEYS', ARGV[1])) do
  out[#out + 1] = k
  out[#out + 1] = math.max(redis.call('PTTL', k), 0)
  out[#out + 1] = redis.call('DUMP', k)
end
return out`, 0, pattern).([]any)
	return func() {
		s.Helper()
		s.do(append([]any{"EVAL", `for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', k) end
for i = 2, #ARGV, 3 do redis.call('RESTORE', ARGV[i], ARGV[i + 1], ARGV[i + 2]) end
return 1`, 0, pattern}, saved...)...)
	}
}

// rewrite notes the keys of a prefix. What it gives takes the server back to them and writes
// another past in the same step, up to a revision.
func (s server) rewrite(prefix string) func(to uint64) {
	s.Helper()
	pattern := "{" + prefix + "}:*"
	saved := s.do("EVAL", `local out = {}
for _, k in ipairs(redis.call('KEYS', ARGV[1])) do
  out[#out + 1] = k
  out[#out + 1] = redis.call('DUMP', k)
end
return out`, 0, pattern).([]any)
	return func(to uint64) {
		s.Helper()
		s.do(append([]any{"EVAL", `for _, k in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', k) end
for i = 4, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1]) end
local m, x = ARGV[2] .. 'm', ARGV[2] .. 'x'
for n = redis.call('HGET', m, 'num') + 1, ARGV[3] do
  redis.call('XADD', x, n .. '-0', 'x', 'another past', 'e', redis.call('HGET', m, 'epoch'), 't', 1, 'c', '+', 'k', 'a/b/c', 'w', '', 'v', '')
end
redis.call('HSET', m, 'num', ARGV[3])
return 1`, 0, pattern, "{" + prefix + "}:", to}, saved...)...)
	}
}
