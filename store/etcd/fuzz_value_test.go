package etcd

import (
	"log/slog"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/roster-sd/roster/store"
)

// Whatever stands in etcd, under whatever key, is a record of its key, a tombstone of one, or
// neither; what cannot be read is known to be there.
func FuzzValue(f *testing.F) {
	s := &Store{keys: newLayout("/p/"), opts: Options{Logger: slog.New(slog.DiscardHandler)}}
	key := store.InstanceKey("user", "1")
	value, err := encodeNew(&store.Record{Key: key, Owner: "a", Instance: store.Instance{Address: "10.0.0.1", Port: 1}}, 3, store.Reason{Code: store.Registered}, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.keys.record(key), value, int64(5), int64(7))
	f.Add(s.keys.stone(key, 9), value, int64(0), int64(7))
	f.Add(s.keys.record(key), "", int64(-1), int64(-1))
	f.Add("/p/", "{}", int64(0), int64(0))
	f.Add(s.keys.record(key)+"/", `{"format":99,"reads":99}`, int64(1), int64(1))
	f.Add("/q/"+key.String(), value[:len(value)/2], int64(1), int64(1))
	f.Fuzz(func(t *testing.T, name, value string, lease, revision int64) {
		kv := &mvccpb.KeyValue{Key: []byte(name), Value: []byte(value), Lease: lease, ModRevision: revision}
		if e, ok := s.decode(kv, 5); ok {
			want, ok := s.keys.recordKey(kv.Key)
			if !ok || e.rec == nil || e.rec.Key != want || e.rec.Revision != (store.Revision{Epoch: 5, Number: uint64(revision)}) {
				t.Fatalf("%q is %+v", name, e.rec)
			}
			if e.bad == nil && e.rec.Lease == 0 && e.rec.TTL != 0 {
				t.Fatalf("%q has a TTL and no lease", name)
			}
		}
		if stone, ok := s.decodeStone(kv, 5); ok {
			want, generation, ok := s.keys.stoneKey(kv.Key)
			if rec := stone.Record; !ok || rec == nil || rec.Key != want || rec.Generation != generation {
				t.Fatalf("%q is a tombstone of %+v", name, rec)
			}
		}
	})
}
