package history

// Order checks I9: within an epoch the position of a watcher never goes back, not through
// a reconnection and not through a snapshot; and what another epoch says first is a
// snapshot.
func Order(h *History) *Verdict {
	v := &Verdict{Invariant: "I9"}
	for i := range h.Watches {
		w := &h.Watches[i]
		var at Revision
		for j := range w.Sightings {
			s := &w.Sightings[j]
			if s.Position.IsZero() {
				continue
			}
			v.Checked++
			switch {
			case at.IsZero():
			case at.after(s.Position):
				v.broken("%s went back from %s to %s at %s, with a %s of node %d", w.Name, at, s.Position, short(s.At), s.Type, s.Node)
			case at.Epoch != s.Position.Epoch && s.Type != Snapshot:
				v.broken("%s went from %s to %s at %s with a %s of node %d, not with a snapshot", w.Name, at, s.Position, short(s.At), s.Type, s.Node)
			}
			at = s.Position
		}
	}
	return v
}
