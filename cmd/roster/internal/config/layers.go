package config

import (
	"fmt"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
)

// layers are the settings of every source, the weakest first.
type layers struct {
	dev  bool
	file settings
	over []settings // ancestors, environment, flags
}

func newLayers(dev bool, over ...settings) *layers { return &layers{dev: dev, over: over} }

// merge puts the layers over each other. Every value has the type of its key already, so
// viper converts nothing; an error means that the table and [Config] disagree.
func (l *layers) merge() (Config, error) {
	v := viper.New()
	for i := range keys {
		v.SetDefault(keys[i].Name, keys[i].defaultFor(l.dev))
	}
	file := map[string]any{}
	for name, s := range l.file {
		nest(file, name, s.value)
	}
	if err := v.MergeConfigMap(file); err != nil {
		return Config{}, fmt.Errorf("merge configuration: %w", err)
	}
	for _, layer := range l.over {
		for name, s := range layer {
			v.Set(name, s.value)
		}
	}
	var c Config
	err := v.UnmarshalExact(&c, func(d *mapstructure.DecoderConfig) {
		d.WeaklyTypedInput = false
		d.DecodeHook = nil
		d.ErrorUnset = true
	})
	if err != nil {
		return Config{}, fmt.Errorf("merge configuration: %w", err)
	}
	return c, nil
}

// setting gives the value of a key that wins, and its source.
func (l *layers) setting(k *Key) setting {
	for i := len(l.over) - 1; i >= 0; i-- {
		if s, ok := l.over[i][k.Name]; ok {
			return s
		}
	}
	if s, ok := l.file[k.Name]; ok {
		return s
	}
	return setting{value: k.defaultFor(l.dev), source: Source{Layer: FromDefault}}
}

// nest puts value under the dotted name into maps within maps.
func nest(m map[string]any, name string, value any) {
	parts := strings.Split(name, ".")
	for _, p := range parts[:len(parts)-1] {
		child, ok := m[p].(map[string]any)
		if !ok {
			child = map[string]any{}
			m[p] = child
		}
		m = child
	}
	m[parts[len(parts)-1]] = value
}
