package catalog

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/btree"

	"github.com/roster-sd/roster/store"
)

// Item is an instance as it is answered.
type Item struct {
	LastHeartbeat store.Millis
	entry         *entry
	catalog       *Catalog
}

// Packed gives the instance's record as it is kept; nil of no item.
func (it Item) Packed() *store.Packed {
	if it.entry == nil {
		return nil
	}
	return it.entry.rec
}

// Record gives the instance's record, made anew.
func (it Item) Record() *store.Record { return it.entry.rec.Record() }

// ID gives the instance's ID.
func (it Item) ID() string { return it.entry.rec.ID() }

// AppendJSON appends the instance's JSON object.
func (it Item) AppendJSON(dst []byte) []byte {
	dst = it.catalog.appendBody(dst, it.entry)
	dst = append(dst, `,"lastHeartbeat":`...)
	dst = strconv.AppendInt(dst, int64(it.LastHeartbeat), 10)
	return append(dst, '}')
}

func (c *Catalog) item(e *entry) Item {
	return Item{entry: e, LastHeartbeat: store.Millis(e.state.last.Load()), catalog: c}
}

// Item makes an item of a record that was read from the store itself.
func (c *Catalog) Item(r *store.Record, last store.Millis) Item {
	return Item{entry: &entry{rec: store.Pack(r)}, LastHeartbeat: last, catalog: c}
}

// View is one consistent view of a service.
type View struct {
	Name     string
	Revision Position // of the catalog
	Changed  Position // of the last change to the service that clients see
	Degraded bool     // nearly all that are up fail their checks, and are resolved all the same
	tree     *btree.BTreeG[*entry]
	catalog  *Catalog
}

// Len is how many instances the service has, in any state.
func (v View) Len() int {
	if v.tree == nil {
		return 0
	}
	return v.tree.Len()
}

// Items gives the instances by ID, those after the ID given.
func (v View) Items(after string) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		switch {
		case v.tree == nil:
		case after == "":
			v.tree.Scan(func(e *entry) bool { return yield(v.catalog.item(e)) })
		default:
			pivot := &entry{rec: store.Pack(&store.Record{Key: store.Key{ID: after}})}
			v.tree.Ascend(pivot, func(e *entry) bool {
				return e.rec.ID() == after || yield(v.catalog.item(e))
			})
		}
	}
}

// Service gives the present view of a service, empty for one that is not known.
func (c *Catalog) Service(name string) View {
	c.mu.RLock()
	s, ok := c.services[name]
	if !ok || s.snap != nil {
		defer c.mu.RUnlock()
		return c.view(name, s)
	}
	c.mu.RUnlock()
	// The first view after a change takes a snapshot, for which the tree is written to.
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view(name, c.services[name])
}

// view needs mu, for writing unless the service has a snapshot. s may be nil.
func (c *Catalog) view(name string, s *service) View {
	if s == nil {
		return View{Name: name, Revision: c.position(), Changed: Pure(c.floor)}
	}
	return View{Name: name, Revision: c.position(), Changed: c.changed(s), Degraded: s.degraded, tree: s.snapshot(), catalog: c}
}

// Changed gives the position of the last change to the service that clients see, and the
// catalog's own. One service may be what the store holds while another is not.
func (c *Catalog) Changed(name string) (changed, position Position) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s, ok := c.services[name]; ok {
		return c.changed(s), c.position()
	}
	return Pure(c.floor), c.position()
}

// changed needs mu.
func (c *Catalog) changed(s *service) Position {
	if s.kept == 0 {
		return Pure(s.changed)
	}
	return c.marked(s.changed, s.mark)
}

// Handle is a found instance, and a way to note that it was heard of.
type Handle struct {
	Packed  *store.Packed // its record; nil: none was found
	service *service
	state   *state
}

// Heard notes a renewal of the instance that this node took at t, by its wall clock.
func (h Handle) Heard(t store.Millis) {
	if h.service == nil {
		return
	}
	if before, ok := h.service.heard(h.state, t); ok {
		h.state.gap.took(t - before)
	}
}

// Find looks an instance up.
func (c *Catalog) Find(service, id string) (Handle, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s, ok := c.services[service]
	if !ok {
		return Handle{}, false
	}
	e := s.byID.Get(id)
	if e == nil {
		return Handle{}, false
	}
	return Handle{Packed: e.rec, service: s, state: e.state}, true
}

// Get gives an instance and the catalog's position.
func (c *Catalog) Get(service, id string) (Item, Position, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s, ok := c.services[service]; ok {
		if e := s.byID.Get(id); e != nil {
			return c.item(e), c.position(), true
		}
	}
	return Item{}, c.position(), false
}

// Summary is a line of the service list.
type Summary struct {
	Name      string
	Instances int
	Up        int // how many a resolve would choose from
	// Degraded: nearly all fail their checks, and a resolve chooses among those too.
	Degraded bool
}

// summaryCache is a service list as it was after a change of it.
type summaryCache struct {
	seq   uint64
	lines []Summary
}

// Services lists the services that have an instance, by name, the position of the last
// change to the list and the catalog's own. The slice is shared: do not write to it.
func (c *Catalog) Services() (lines []Summary, changed, position Position) {
	c.mu.RLock()
	changed, position = c.marked(c.listed, c.mark), c.position()
	seq := c.listSeq
	if cached := c.summary.Load(); cached != nil && cached.seq == seq {
		c.mu.RUnlock()
		return cached.lines, changed, position
	}
	lines = make([]Summary, 0, len(c.services))
	for name, s := range c.services {
		if n := s.tree.Len(); n > 0 {
			lines = append(lines, Summary{Name: name, Instances: n, Up: s.up(), Degraded: s.degraded})
		}
	}
	c.mu.RUnlock()
	slices.SortFunc(lines, func(a, b Summary) int { return strings.Compare(a.Name, b.Name) })
	c.summary.Store(&summaryCache{seq: seq, lines: lines})
	return lines, changed, position
}
