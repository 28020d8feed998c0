package config

import (
	"maps"
	"os"
	"slices"

	"github.com/spf13/pflag"
)

// Options say where to read from. The zero Options read the process's environment only.
type Options struct {
	// File is the path of a YAML file; empty: none.
	File string
	// Flags are those of [BindServeFlags], parsed; nil: none. Other flags in the set do no harm.
	Flags *pflag.FlagSet
	// Environ is a list of NAME=value; nil: that of the process.
	Environ []string
	// Dev takes the defaults of roster dev, and of the ancestors' variables the one
	// that belongs there, SVC_TTL. PORT is then left to the program being developed.
	Dev bool
}

// Loaded is a configuration and where each value comes from. It never changes.
type Loaded struct {
	Config Config
	// File is the path that was read, empty if none.
	File string
	// Warnings are what looks like a mistake but stops nothing.
	Warnings []string

	layers *layers
}

// Load reads the configuration from every source. Its error is a [*Problems] with every
// unknown key and every value of a wrong type; whether the values make sense is for
// [Loaded.Validate] to say.
func Load(o Options) (*Loaded, error) {
	l := &Loaded{File: o.File, layers: newLayers(o.Dev)}
	var problems problemList
	if o.File != "" {
		b, err := readFile(o.File)
		if err != nil {
			problems = append(problems, err)
		}
		file, errs := parseFile(o.File, b)
		problems = append(problems, errs...)
		if err == nil && len(errs) == 0 && len(file) == 0 {
			l.Warnings = append(l.Warnings, o.File+" sets nothing")
		}
		l.layers.file = file
	}
	environ := o.Environ
	if environ == nil {
		environ = os.Environ()
	}
	env := environment(environ)
	own, warnings, errs := fromEnvironment(env)
	problems = append(problems, errs...)
	l.Warnings = append(l.Warnings, warnings...)
	inherited, errs := fromAncestors(env, o.Dev, own)
	problems = append(problems, errs...)
	flags, errs := fromFlags(o.Flags)
	problems = append(problems, errs...)
	if err := problems.err("load configuration"); err != nil {
		return nil, err
	}
	l.layers.over = []settings{inherited, own, flags}
	var err error
	l.Config, err = l.layers.merge()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Source tells where the value of a key comes from. An unknown key has the zero Source.
func (l *Loaded) Source(key string) Source {
	k := find(key)
	if k == nil {
		return Source{}
	}
	return l.layers.setting(k).source
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
