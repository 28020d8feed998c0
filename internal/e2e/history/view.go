package history

import "maps"

// View is what a watcher knows: what it was told, applied in order. The zero value knows
// nothing.
type View struct {
	Items    map[string]Item
	Position Revision
}

// Apply applies what the watcher was told.
func (v *View) Apply(s *Sighting) {
	if v.Items == nil {
		v.Items = map[string]Item{}
	}
	switch s.Type {
	case Snapshot:
		v.Items = maps.Clone(s.View)
	case Put:
		v.Items[s.Name] = s.Item
	case Delete:
		delete(v.Items, s.Name)
	}
	if !s.Position.IsZero() {
		v.Position = s.Position
	}
}

// has tells whether the watcher knows already what it is told.
func (v *View) has(s *Sighting) bool {
	item, there := v.Items[s.Name]
	if s.Type == Delete {
		return !there
	}
	return there && item == s.Item
}
