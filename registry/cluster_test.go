package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog"
	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// cluster is nodes on one backend, with what lives on them and who looks at it.
type cluster struct {
	*testing.T
	backend *catalogtest.Backend
	nodes   []*node
	links   []*catalogtest.Node
	third   *node // of pair
	ctx     context.Context
	wg      sync.WaitGroup

	mu      sync.Mutex
	alive   map[string]bool // the instances whose owners go on
	wrong   []string
	checked int // operations that were checked
	beaten  int // heartbeats that were accepted
}

// form gives a cluster of n nodes.
func form(t *testing.T, n int, b *catalogtest.Backend, s setup) *cluster {
	t.Helper()
	c := &cluster{T: t, backend: b, alive: make(map[string]bool)}
	for range n {
		link := b.Node()
		t.Cleanup(func() { link.Close() })
		c.links, c.nodes = append(c.links, link), append(c.nodes, on(t, link, s))
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.ctx = ctx
	t.Cleanup(func() { cancel(); c.wg.Wait() })
	return c
}

func (c *cluster) fails(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.wrong) < 10 {
		c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
	}
}

func (c *cluster) verdict() {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wrong {
		c.Error(w)
	}
}

// owner renews an instance through a node, and if that fails through the next one, as long
// as it is alive. One that is told that its instance is lost, or not its own, says so.
func (c *cluster) owner(id, token string, through int, every time.Duration) {
	c.mu.Lock()
	c.alive[id] = true
	c.mu.Unlock()
	c.wg.Go(func() {
		wait := every
		for {
			select {
			case <-c.ctx.Done():
				return
			case <-time.After(wait):
			}
			if c.mu.Lock(); !c.alive[id] {
				c.mu.Unlock()
				return
			}
			c.mu.Unlock()
			_, err := c.nodes[through].Heartbeat(c.ctx, orders, Beat{"orders", id, token})
			switch got := outcome(err); {
			case c.ctx.Err() != nil:
				return
			case got == "ok":
				wait = every
				c.mu.Lock()
				c.beaten++
				c.mu.Unlock()
			case got == "unavailable":
				wait, through = time.Second, (through+1)%len(c.nodes)
			default:
				c.fails("%s is told %s (%v)", id, got, err)
				return
			}
		}
	})
}

// stop has owners stop.
func (c *cluster) stop(ids ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		delete(c.alive, id)
	}
}

// missing gives the instances that live and are not among those that someone sees.
func (c *cluster) missing(seen map[string]bool) (out []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checked++
	for id := range c.alive {
		if !seen[id] {
			out = append(out, id)
		}
	}
	return out
}

// look has readers and watchers look at every node until the test ends: nobody who lives is
// ever missing for any of them, and no revision goes back.
func (c *cluster) look() {
	for i, n := range c.nodes {
		c.wg.Go(func() {
			for c.ctx.Err() == nil {
				view, err := n.Service(c.ctx, orders, "orders", false)
				if c.ctx.Err() != nil {
					return
				}
				seen := make(map[string]bool)
				for item := range view.Items("") {
					seen[item.Record().Key.ID] = true
				}
				if gone := c.missing(seen); err != nil || len(gone) > 0 {
					c.fails("a reader of node %d misses %v, %v, of the view at %v", i, gone, err, view.Revision)
				}
				_, err = n.Resolve(c.ctx, orders, "orders", catalog.Choice{}, false)
				if err != nil && c.ctx.Err() == nil && len(c.missing(nil)) > 0 {
					c.fails("a reader of node %d resolves nothing: %v", i, err)
				}
				sleep(c.ctx, 100*time.Millisecond)
			}
		})
		c.wg.Go(func() { c.watch(i, n) })
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (c *cluster) watch(i int, n *node) {
	sub, views := n.Catalog().Subscribe(nil)
	defer sub.Close()
	seen := make(map[string]bool)
	var at catalog.Position
	begin := func(views []catalog.View) {
		clear(seen)
		for _, v := range views {
			for item := range v.Items("") {
				seen[item.Record().Key.ID] = true
			}
		}
		if now := sub.Start(); now.Revision.Before(at.Revision) {
			c.fails("a watcher of node %d goes back from %v to %v", i, at, now)
		}
		at = sub.Start()
		if gone := c.missing(seen); len(gone) > 0 {
			c.fails("a watcher of node %d begins without %v", i, gone)
		}
	}
	begin(views)
	for {
		changes, err := sub.Next(c.ctx)
		if errors.Is(err, catalog.ErrLagged) {
			begin(sub.Resync())
			continue
		}
		if err != nil {
			return
		}
		for _, ch := range changes {
			if ch.Revision.Before(at.Revision) {
				c.fails("a watcher of node %d goes back from %v to %v", i, at, ch.Revision)
			}
			if at = ch.Position(); ch.After != nil {
				seen[ch.After.ID()] = true
				continue
			}
			delete(seen, ch.Before.ID())
		}
		if gone := c.missing(seen); len(gone) > 0 {
			c.fails("a watcher of node %d sees %v leave", i, gone)
		}
	}
}

// shown gives how the instances of "orders" stand on a node, by health.
func (n *node) shown() map[string]string {
	out := make(map[string]string)
	for item := range n.Catalog().Service("orders").Items("") {
		out[item.Record().Key.ID] = item.Record().Instance.Health
	}
	return out
}

// TestInvariantOutage is I7: whatever the outage, and however long, of the instances whose
// owners go on renewing none is seen to leave by any reader or watcher of any node, and those
// that stopped are gone within a TTL and two seconds of the return.
func TestInvariantOutage(t *testing.T) {
	const ttl = 30 * time.Second
	kinds := map[string]func(c *cluster) (end func()){
		"stopped":   func(c *cluster) func() { c.backend.Stop(); return c.backend.Continue },
		"cut off":   func(c *cluster) func() { return c.cut(catalogtest.Down, 0, 1, 2) },
		"one alone": func(c *cluster) func() { return c.cut(catalogtest.Mute, 1) },
		"empty": func(c *cluster) func() {
			c.backend.Stop()
			return func() { c.backend.Lose(); c.backend.Continue() }
		},
		"taken back": func(c *cluster) func() {
			rewind := c.backend.Save()
			pass(time.Second)
			c.backend.Stop()
			return func() { rewind(); c.backend.Continue() }
		},
	}
	for kind, begin := range kinds {
		for _, outage := range []time.Duration{2 * time.Second, 20 * time.Second, 75 * time.Second, 10 * time.Minute} {
			t.Run(fmt.Sprint(kind, " for ", outage), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := form(t, 3, catalogtest.New(catalogtest.Options{}), setup{tokens: TokenPolicy{TTL: time.Hour, Grace: 30 * time.Second}})
					for i := range 24 {
						id := fmt.Sprint("o", i)
						c.owner(id, c.nodes[i%3].register(orders, id).Token, i%3, 10*time.Second)
						pass(400 * time.Millisecond)
					}
					c.look()
					pass(30 * time.Second)
					stopped := []string{"o3", "o10", "o20"}
					end := begin(c)
					c.stop(stopped...)
					pass(outage)
					end()
					pass(2 * time.Second)
					for i, n := range c.nodes {
						if age, stale := n.Catalog().Stale(); stale {
							t.Errorf("node %d is stale for %v two seconds after the return", i, age)
						}
					}
					pass(ttl)
					for i, n := range c.nodes {
						shown := n.shown()
						for _, id := range stopped {
							if shown[id] != "" {
								t.Errorf("%s is %s on node %d a TTL and two seconds after the return", id, shown[id], i)
							}
						}
						if held := n.Catalog().Held(); !n.Catalog().Position().IsPure() || held != [catalog.Causes]int{} {
							t.Errorf("node %d is at %v and holds %v", i, n.Catalog().Position(), held)
						}
						if len(shown) != 21 {
							t.Errorf("node %d shows %d", i, len(shown))
						}
					}
					if got := len(c.backend.Snapshot().Records); got != 21 {
						t.Errorf("the store has %d", got)
					}
					c.verdict()
					if c.checked < 100 || c.beaten < 24*3 {
						t.Errorf("%d looks, %d heartbeats", c.checked, c.beaten)
					}
				})
			})
		}
	}
}

func (c *cluster) cut(how catalogtest.Link, nodes ...int) (end func()) {
	for _, i := range nodes {
		c.links[i].Set(how)
	}
	return func() {
		for _, i := range nodes {
			c.links[i].Set(catalogtest.Whole)
		}
	}
}

// keyOf is the key of an instance of "orders".
func keyOf(id string) store.Key { return store.InstanceKey("orders", id) }
