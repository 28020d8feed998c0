package catalog

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/roster-sd/roster/store"
)

// counting is a catalog whose encodings are counted, and that keeps so many bytes of them.
func counting(most int) (c *Catalog, encoded *int) {
	encoded = new(int)
	var mu sync.Mutex
	c = New(Options{Encode: func(dst []byte, r *store.Record) []byte {
		mu.Lock()
		*encoded++
		mu.Unlock()
		return encode(dst, r)
	}})
	c.bodies.most = most
	return c, encoded
}

func entries(n int) []*entry {
	out := make([]*entry, n)
	for i := range out {
		rec := record("a", fmt.Sprint(i), meta("pad", strings.Repeat("x", i%7)))
		out[i] = entryOf(store.Pack(&rec), nil)
	}
	return out
}

// What is asked for again is encoded once; what is kept is bounded, and is what it would be if
// it were encoded now.
func TestBodies(t *testing.T) {
	c, encoded := counting(40 * 400)
	all := entries(200)
	for range 10 {
		c.appendBody(nil, all[0])
	}
	if *encoded != 1 {
		t.Errorf("encoded %d times", *encoded)
	}
	for round := range 20 {
		for i, e := range all {
			if got, want := string(c.appendBody([]byte("["), e)), "["+string(encode(nil, e.rec.Record())); got != want {
				t.Fatalf("round %d, %d: %s", round, i, got)
			}
		}
		size, kept := 0, 0
		for _, e := range all {
			if body := e.body.Load(); body != nil {
				size, kept = size+bodySize+len(*body), kept+1
			}
		}
		if size != c.bodies.size || size > c.bodies.most || kept == 0 || kept != len(c.bodies.ring)-c.bodies.first {
			t.Fatalf("round %d: %d kept take %d bytes, counted as %d of %d", round, kept, size, c.bodies.size, len(c.bodies.ring)-c.bodies.first)
		}
	}
	if len(c.bodies.ring) > 256 {
		t.Errorf("the ring has grown to %d", len(c.bodies.ring))
	}
	// One of those that found no room gets in when it is asked for again and again.
	before := *encoded
	for range 1000 {
		c.appendBody(nil, all[77])
	}
	if n := *encoded - before; n > sparing {
		t.Errorf("encoded %d times", n)
	}
}

func TestBodyThatIsTooLarge(t *testing.T) {
	c, _ := counting(100)
	for _, e := range entries(20) {
		c.appendBody(nil, e)
	}
	if c.bodies.size != 0 {
		t.Errorf("%d bytes kept", c.bodies.size)
	}
}

func TestBodiesAtOnce(t *testing.T) {
	c, _ := counting(10 * 400)
	all := entries(50)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				for _, e := range all {
					if got := c.appendBody(nil, e); len(got) == 0 {
						t.Error("empty")
					}
				}
			}
		})
	}
	wg.Wait()
}
