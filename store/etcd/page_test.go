package etcd

import (
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

func TestNextPage(t *testing.T) {
	for _, c := range []struct {
		records, size int
		want          int64
	}{
		{1000, 400, 10_000}, // 10,485 would fit
		{1000, 1 << 10, 4096},
		{4096, 2 << 10, 2048},
		{1000, 64 << 10, 250}, // no fewer, or a large range is counted too often
	} {
		kvs := make([]*mvccpb.KeyValue, c.records)
		for i := range kvs {
			kvs[i] = &mvccpb.KeyValue{Key: make([]byte, 24), Value: make([]byte, c.size-24)}
		}
		if n := nextPage(kvs); n != c.want {
			t.Errorf("after %d records of %d bytes: %d, want %d", c.records, c.size, n, c.want)
		}
	}
}
