package config

import "fmt"

// Layer is the kind of place that a value comes from.
type Layer string

// The layers; a later one wins.
const (
	FromDefault     Layer = "default"
	FromFile        Layer = "file"
	FromAncestor    Layer = "ancestor" // a variable of Roster's ancestors
	FromEnvironment Layer = "environment"
	FromFlag        Layer = "flag"
)

// Source is where a value comes from.
type Source struct {
	Layer Layer
	Name  string // of the file, the variable or the flag
	Line  int    // in the file, else 0
}

// String gives the source as an operator knows it: config.yaml:7, ROSTER_LISTEN, --listen.
func (s Source) String() string {
	switch s.Layer {
	case FromFile:
		return fmt.Sprintf("%s:%d", s.Name, s.Line)
	case FromAncestor, FromEnvironment:
		return s.Name
	case FromFlag:
		return "--" + s.Name
	}
	return string(FromDefault)
}

// setting is a value of a key and where it comes from.
type setting struct {
	value  any
	source Source
}

// settings are those of one layer, by the key's name.
type settings map[string]setting
