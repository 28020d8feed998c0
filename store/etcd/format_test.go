package etcd_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/roster-sd/roster/internal/etcdtest"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
)

// A record of a newer node goes through this node's update with all that it holds. One
// that says that this node cannot read it spoils no list, and is told by its name.
func TestNewerFormats(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, quick)
	f := use(t, at(server))
	known, unknown := f.put(store.InstanceKey("user", "1"), lasting), f.put(store.InstanceKey("user", "2"), lasting)
	w := f.watch(unknown.Revision)
	rewrite := func(rec *store.Record, head string) string {
		var value string
		server.Do(func(ctx context.Context, c *clientv3.Client) error {
			got, err := c.Get(ctx, f.RecordKey(rec.Key))
			if err != nil {
				return err
			}
			value = string(got.Kvs[0].Value)
			if head != "" {
				_, members, _ := strings.Cut(value, `,"`)
				_, members, _ = strings.Cut(members, `,"`)
				value = head + `,"` + members
				_, err = c.Put(ctx, f.RecordKey(rec.Key), value, clientv3.WithIgnoreLease())
			}
			return err
		})
		return value
	}
	rewrite(known, fmt.Sprintf(`{"format":%d,"reads":%d,"later":{"x":[1]}`, codec.Format+1, codec.Format))
	rewrite(unknown, fmt.Sprintf(`{"format":%d,"reads":%d`, codec.Format+2, codec.Format+1))
	got := f.update(known.Ref(), 55)
	if got.Instance.Weight != 55 || got.Owner != known.Owner || got.Lease != known.Lease {
		t.Errorf("after the update the record is %+v", got)
	}
	if value := rewrite(known, ""); !strings.Contains(value, `"later":{"x":[1]}`) {
		t.Errorf("the update wrote %s", value)
	}
	if snap := f.list(); len(snap.Records) != 1 || snap.Records[0].Key != known.Key {
		t.Errorf("the list holds %+v", snap.Records)
	}
	_, err := f.Get(f.ctx, unknown.Key)
	wants(t, err, store.ErrUnavailable, "Get of a record that cannot be read")
	if r := f.renew(unknown.Ref()); r[0].Err != nil {
		t.Errorf("Renew of a record that cannot be read: %v", r[0].Err)
	}
	for _, ev := range events(t, w, 2) {
		if ev.Key() != known.Key {
			t.Errorf("an event of %v", ev.Key())
		}
	}
	f.put(unknown.Key, lasting)
	if n := len(f.list().Records); n != 2 {
		t.Errorf("%d records after the unreadable one was replaced", n)
	}
}
