package client

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/wire"
)

// What the caller does with his maps, slices and numbers after Register changes nothing of
// what is registered again later.
func TestRegistrationKeepsACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, rigOptions{})
		ttl := int64(20_000)
		in := wire.Registration{ServiceName: "orders", InstanceID: "o-1", Port: 80, TTL: &ttl,
			Tags: []string{"blue"}, Metadata: map[string]string{"team": "one"}}
		g.keep(g.client("a"), in)
		ttl, in.Tags[0], in.Metadata["team"] = 5, "red", "two"
		g.halt()
		g.start()
		pass(21 * time.Second)
		got, err := g.client("a").Instance(t.Context(), ref1, ReadOptions{})
		if err != nil || got.TTL != 20_000 || got.Tags[0] != "blue" || got.Metadata["team"] != "one" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
