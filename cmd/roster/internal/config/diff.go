package config

import "reflect"

// Diff names the keys whose values differ between two configurations, in the order of the
// table of keys.
func (l *Loaded) Diff(other *Loaded) []string {
	var names []string
	for i := range keys {
		if k := &keys[i]; !reflect.DeepEqual(l.layers.setting(k).value, other.layers.setting(k).value) {
			names = append(names, k.Name)
		}
	}
	return names
}
