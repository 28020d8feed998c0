package registry

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/auth"
)

// A batch that a surface fills is answered as the beats are that it stands for, and what
// cannot be one is not taken in.
func TestBatchOfASurface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := one(t, setup{})
		a, b := n.register(orders, "a"), n.register(orders, "b")
		nobody := strings.Repeat("A", auth.TokenLength)
		var x Batch
		for range 2 { // the second time in the room of the first
			token := make([]byte, auth.TokenLength)
			var beats []Beat
			for _, beat := range []Beat{{"orders", "a", a.Token}, {"orders", "b", b.Token}, {"orders", "a", b.Token}, {"orders", "c", a.Token},
				{"others", "a", nobody}, {"orders", "a", a.Token}} {
				if copy(token, beat.Token); !x.Add(beat.Service, beat.ID, token) {
					t.Fatalf("%v is not taken", beat)
				}
				beats = append(beats, beat)
			}
			for _, bad := range []Beat{{"-", "a", a.Token}, {"orders", "..", a.Token}, {"", "", ""}, {"orders", "a", "short"}, {"orders", "a", a.Token + "A"}} {
				if x.Add(bad.Service, bad.ID, []byte(bad.Token)) {
					t.Fatalf("%v is taken", bad)
				}
			}
			want := n.Heartbeats(t.Context(), orders, beats)
			got := n.HeartbeatsOf(t.Context(), orders, &x)
			if x.Len() != len(beats) || len(got) != len(want) {
				t.Fatalf("%d outcomes of %d beats", len(got), x.Len())
			}
			for i := range want {
				if outcome(got[i].Err) != outcome(want[i].Err) || got[i].TTL != want[i].TTL || got[i].TokenExpires != want[i].TokenExpires {
					t.Errorf("%v: %+v, want %+v", beats[i], got[i], want[i])
				}
				if service, id, digest := x.At(i); service != beats[i].Service || id != beats[i].ID || digest == ([32]byte{}) {
					t.Errorf("%v: it is %s, %s", beats[i], service, id)
				}
			}
			x.Reset()
		}
	})
}

// Of thousands of renewals no garbage is left but what the store gives for the whole of them.
func TestBatchLeavesNoGarbage(t *testing.T) {
	n := one(t, setup{})
	var x Batch
	for i := range 2000 {
		id := fmt.Sprint("i-", i)
		x.Add("orders", id, []byte(n.register(orders, id).Token))
	}
	renew := func() {
		if outs := n.HeartbeatsOf(t.Context(), orders, &x); slices.ContainsFunc(outs, func(b Beaten) bool { return b.Err != nil || b.TTL < time.Second }) {
			t.Fatal("not all are renewed")
		}
	}
	renew()
	// Under the race detector pools forget, and the room is made anew.
	if allocs := testing.AllocsPerRun(20, renew); allocs > 200 {
		t.Errorf("%v allocations for 2,000 renewals", allocs)
	}
}
