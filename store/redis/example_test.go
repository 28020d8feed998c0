package redis_test

import (
	"context"
	"fmt"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/redis"
)

// Two nodes share a Redis by opening stores with one prefix.
func Example() {
	s, err := redis.Open(redis.Options{
		Addresses: []string{"redis-1:6379", "redis-2:6379"}, // a master and its replica
		Node:      "node-a",
		OnDisturbance: func(d store.Disturbance) {
			fmt.Println("leases may have ended wrongly:", d.Why)
		},
	})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if warnings, err := s.Check(ctx); err == nil {
		for _, w := range warnings {
			fmt.Println(w.Name, w.Text)
		}
	}
}
