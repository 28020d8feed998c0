package history

import (
	"cmp"
	"slices"
)

// Durability checks I6: what was acknowledged, whatever crashed since, is there in the
// end. An instance whose owner goes on has the weight that was acknowledged last, or one
// of those of later changes whose answers were lost; one that was deregistered is not back.
func Durability(h *History) *Verdict {
	v := &Verdict{Invariant: "I6"}
	if h.Final == nil {
		return v
	}
	weights := weights(h)
	for _, l := range sorted(lives(h)) {
		item, there := h.Final.Items[l.name]
		if l.gone != never {
			v.Checked++
			if there && l.gone < h.Final.At {
				v.broken("%s is there in the end, though its deregistration was acknowledged at %s", l.name, short(l.gone))
			}
			continue
		}
		switch l.claims(h, h.Final.At) {
		case unclear:
			v.Excused++
		case kept:
			w := weights[l.name]
			v.Checked += w.acknowledged
			switch {
			case !there:
				v.broken("%s is not there in the end; %d writes to it were acknowledged", l.name, w.acknowledged)
			case !slices.Contains(w.may, item.Weight):
				v.broken("%s has the weight %d in the end, not one of %v", l.name, item.Weight, w.may)
			}
		}
	}
	return v
}

// weighed is what is known of the weight of an instance.
type weighed struct {
	may          []int // the last acknowledged one, and those after it whose answers were lost
	acknowledged int
}

func weights(h *History) map[string]*weighed {
	writes := make([]*Op, 0, len(h.Ops))
	for i := range h.Ops {
		if o := &h.Ops[i]; o.Kind == Register || o.Kind == Patch {
			writes = append(writes, o)
		}
	}
	slices.SortStableFunc(writes, func(a, b *Op) int { return cmp.Compare(a.Start, b.Start) })
	all := map[string]*weighed{}
	for _, o := range writes {
		w := all[o.Name]
		if w == nil {
			w = &weighed{}
			all[o.Name] = w
		}
		switch {
		case o.Acknowledged() && !h.lost(o):
			w.may = []int{o.Weight}
			w.acknowledged++
		case o.Acknowledged() || o.Unknown():
			w.may = append(w.may, o.Weight)
		}
	}
	return all
}

// lost tells that a change that was acknowledged may be lost, as the backend promises no
// better.
func (h *History) lost(o *Op) bool {
	return slices.ContainsFunc(h.Disruptions, func(d Disruption) bool {
		return d.Loses && o.Start <= d.To && o.End >= d.From
	})
}
