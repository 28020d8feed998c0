package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
	"github.com/roster-sd/roster/store/storetest"
)

// quick is a server that grants TTLs of one second.
var quick = etcdtest.Options{NoFsync: true, Heartbeat: 50 * time.Millisecond, Election: 500 * time.Millisecond}

func open(tb testing.TB, opts etcd.Options) *etcd.Store {
	tb.Helper()
	s, err := etcd.Open(opts)
	if err != nil {
		tb.Fatalf("Open: %v", err)
	}
	return s
}

// keyspaces numbers the prefixes of this process.
var keyspaces atomic.Int64

func freshPrefix() string { return fmt.Sprintf("/storetest/%d/", keyspaces.Add(1)) }

// The whole contract, on one real etcd that most subtests share, each with a prefix of its
// own. Those that may do something to the server itself have one of their own.
func TestContract(t *testing.T) {
	shared := etcdtest.Start(t, quick)
	cluster := func(t *testing.T, events int) storetest.Cluster {
		server, prefix := shared, freshPrefix()
		alone := strings.Contains(t.Name(), "/compact/") || strings.Contains(t.Name(), "/fault/") ||
			strings.HasSuffix(t.Name(), "/two-thousand-at-once") // etcd revokes 1,000 leases a second, whosever they are
		if alone {
			server = etcdtest.Start(t, quick)
		}
		own := func(t *testing.T) *etcdtest.Server {
			if !alone {
				t.Fatal("this subtest shares its server: give it one of its own")
			}
			return server
		}
		return storetest.Cluster{
			Node: func(t *testing.T) store.Store {
				opts := etcd.Options{Endpoints: []string{server.Addr()}, Prefix: prefix, HistoryEvents: events}
				if !strings.Contains(t.Name(), "/fault/") { // what a busy machine does to the time of calls is not the question
					opts.CallTimeout, opts.Silence = 10*time.Second, 5*time.Second
				}
				return open(t, opts)
			},
			LoseData: func(*testing.T) {
				server.Do(func(ctx context.Context, c *clientv3.Client) error {
					_, err := c.Delete(ctx, prefix, clientv3.WithPrefix())
					return err
				})
			},
			Compact:    func(t *testing.T) { own(t).Do(compact) },
			Checkpoint: func(t *testing.T) func() { return own(t).Checkpoint() },
			Outage: func(t *testing.T) func() {
				own(t).Pause()
				return server.Resume
			},
		}
	}
	storetest.Run(t, storetest.Harness{
		Open:            func(t *testing.T) storetest.Cluster { return cluster(t, 0) },
		OpenShort:       cluster,
		Parallel:        true,
		MinTTL:          3 * time.Second,
		Slack:           800 * time.Millisecond,
		SharedRevisions: true,
	})
}

func compact(ctx context.Context, c *clientv3.Client) error {
	got, err := c.Get(ctx, "k")
	if err == nil {
		_, err = c.Compact(ctx, got.Header.Revision, clientv3.WithCompactPhysical())
	}
	return err
}
