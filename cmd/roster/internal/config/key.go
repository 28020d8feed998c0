package config

import "strings"

// Key describes one key of the configuration.
type Key struct {
	Name    string // as in the file, joined by dots: "tls.cert_file"
	Kind    Kind
	Default any
	// Doc says in one line what the key does, and in further ones what is worth knowing.
	Doc string
	// OneOf are the values allowed, for each item of a list too; nil: not limited to some.
	OneOf []string

	// dev is the default in roster dev where it is another.
	dev any
	// flag is the flag's name where it does not follow from the key's.
	flag string
	// address says that values are network addresses, which could hold credentials by mistake.
	address bool
	// ancestor reads the key from the variables of Roster's ancestors.
	ancestor *ancestor
}

// Keys gives every key in the order of config.yaml. The slice is the caller's.
func Keys() []Key { return append([]Key(nil), keys...) }

// Env is the environment variable of the key, or "" if it can be set in the file only.
func (k *Key) Env() string {
	if k.Kind == KindRules {
		return ""
	}
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Flag is the flag of the key, without dashes, or "" if it can be set in the file only.
func (k *Key) Flag() string {
	switch {
	case k.Kind == KindRules:
		return ""
	case k.flag != "":
		return k.flag
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(k.Name)
}

// defaultFor is the default of the key in roster serve or in roster dev.
func (k *Key) defaultFor(dev bool) any {
	if dev && k.dev != nil {
		return k.dev
	}
	return k.Default
}

// find gives the key of that name, or nil.
func find(name string) *Key {
	for i := range keys {
		if keys[i].Name == name {
			return &keys[i]
		}
	}
	return nil
}

// section tells whether name is that of a mapping which holds keys.
func section(name string) bool { return name != "" && len(below(name)) > 0 }

// below gives the names directly under a section, "" being the whole file, in order.
func below(name string) []string {
	prefix := ""
	if name != "" {
		prefix = name + "."
	}
	var names []string
	for i := range keys {
		rest, ok := strings.CutPrefix(keys[i].Name, prefix)
		if !ok {
			continue
		}
		child, _, _ := strings.Cut(rest, ".")
		if len(names) == 0 || names[len(names)-1] != prefix+child {
			names = append(names, prefix+child)
		}
	}
	return names
}
