package idmap

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

type thing struct{ id string }

func name(t *thing) string { return t.id }

// Whatever is put in and taken out, a map says what a Go map says.
func TestMapIsAMap(t *testing.T) {
	for _, n := range []int{1, 7, 8, 100, 450, 1_000, 20_000} {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		m, model := New(name), make(map[string]*thing)
		for range 6 * n {
			id := fmt.Sprintf("%d", r.IntN(n))
			switch r.IntN(5) {
			case 0, 1:
				if got, want := m.Delete(id), model[id]; got != want {
					t.Fatalf("of %d: delete of %s gives %v, want %v", n, id, got, want)
				}
				delete(model, id)
			default:
				v := &thing{id}
				m.Set(id, v)
				model[id] = v
			}
		}
		same(t, m, model, n)
		for id := range model {
			m.Delete(id)
			delete(model, id)
		}
		same(t, m, model, n)
	}
}

func same(t *testing.T, m *Map[thing], model map[string]*thing, n int) {
	t.Helper()
	if m.Len() != len(model) {
		t.Fatalf("of %d: %d values, want %d", n, m.Len(), len(model))
	}
	for i := range n {
		id := fmt.Sprintf("%d", i)
		if got := m.Get(id); got != model[id] {
			t.Fatalf("of %d: %s is %v, want %v", n, id, got, model[id])
		}
	}
	seen := make(map[*thing]bool)
	for v := range m.All() {
		if seen[v] || model[v.id] != v {
			t.Fatalf("of %d: %v is given twice, or is not there", n, v)
		}
		seen[v] = true
	}
	if len(seen) != len(model) {
		t.Fatalf("of %d: %d are given, want %d", n, len(seen), len(model))
	}
}

// Coming and going does not let a map grow, nor does it stop growing into the room of the gone.
func TestChurnTakesNoRoom(t *testing.T) {
	m := New(name)
	for i := range 200 {
		m.Set(fmt.Sprint(i), &thing{fmt.Sprint(i)})
	}
	for i := range 100_000 {
		m.Delete(fmt.Sprint(i))
		m.Set(fmt.Sprint(i+200), &thing{fmt.Sprint(i + 200)})
	}
	slots := 0
	for _, s := range m.segments {
		slots += len(s.slots)
	}
	if slots > 512 || m.Len() != 200 {
		t.Errorf("%d values in %d slots", m.Len(), slots)
	}
}

func TestAllEnds(t *testing.T) {
	m := New(name)
	for i := range 10 {
		m.Set(fmt.Sprint(i), &thing{fmt.Sprint(i)})
	}
	n := 0
	for range m.All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d values after the third", n)
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			all := make([]*thing, n)
			for i := range all {
				all[i] = &thing{fmt.Sprintf("instance-%08d", i*7919%n)}
			}
			runtime.GC()
			runtime.ReadMemStats(&before)
			m := New(name)
			for _, v := range all {
				m.Set(v.id, v)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			i := 0
			for b.Loop() {
				if i++; i == n {
					i = 0
				}
				if m.Get(all[i].id) == nil {
					b.Fatal("not found")
				}
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/value")
		})
	}
}
