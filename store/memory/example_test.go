package memory_test

import (
	"context"
	"fmt"
	"time"

	"github.com/roster-sd/roster/lease"
	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/memory"
)

// A reader lists, and follows from the revision of the list; a writer registers and goes
// silent.
func Example() {
	ctx := context.Background()
	s := memory.Open(memory.Options{Boottime: lease.Boottime()})
	defer s.Close()

	snap, err := s.List(ctx, store.Selector{Kind: store.KindInstance})
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := s.Watch(ctx, store.Selector{Kind: store.KindInstance}, snap.Revision)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer w.Close()

	in := store.Record{Key: store.InstanceKey("orders", "orders-1"), Instance: store.Instance{Address: "10.0.0.7", Port: 8080}}
	if _, err := s.Register(ctx, in, store.Grant{TTL: 20 * time.Millisecond}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		batch, err := w.Next(ctx)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, e := range batch.Events {
			fmt.Println(e.Reason.Code, e.Key())
		}
	}
	// Output:
	// registered instance/orders/orders-1
	// expired instance/orders/orders-1
}
