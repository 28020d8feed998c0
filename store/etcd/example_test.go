package etcd_test

import (
	"context"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/etcd"
)

// A store on a cluster of three. Opening it asks etcd for nothing; Check does.
func ExampleOpen() {
	s, err := etcd.Open(etcd.Options{
		Endpoints: []string{"http://etcd-1:2379", "http://etcd-2:2379", "http://etcd-3:2379"},
		Node:      "roster-1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = s.Close() }()
	ctx := context.Background()
	for _, w := range s.Check(ctx) {
		fmt.Println(w.Name, w.Text)
	}
	rec, err := s.Register(ctx, store.Record{Key: store.InstanceKey("user", "1")}, store.Grant{TTL: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rec.TTL, rec.Revision)
}
