package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve follows an alias to its anchor. One step is enough: an alias never points at one.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// empty tells whether nothing was written for a value.
func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// parseScalar reads a single value of the kind. Numbers are fine as text (min_version:
// 1.3), but true and false are not: who writes them means something else. A text with the
// quotes of a number is no number.
func parseScalar(k Kind, n *yaml.Node) (any, error) {
	if n.Kind != yaml.ScalarNode {
		return nil, fmt.Errorf("want %s", k.want())
	}
	ok := true
	switch tag := n.ShortTag(); k {
	case KindText:
		ok = tag == "!!str" || tag == "!!int" || tag == "!!float" || tag == "!!timestamp"
	case KindInt:
		ok = tag == "!!int"
	case KindBool:
		ok = tag == "!!bool"
	}
	if !ok {
		return nil, fmt.Errorf("want %s", k.want())
	}
	return k.parse(n.Value)
}

// kindOf names what was found where something else was wanted.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool", "!!int", "!!float":
		return n.Value
	case "!!merge":
		return "a merge (<<)"
	}
	return "text"
}

// shown gives a value for an error: in quotes if it is text, cut, and without credentials.
func shown(k *Key, n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return kindOf(n)
	}
	if n.ShortTag() == "!!str" {
		return quoteValue(k, n.Value)
	}
	return cut(n.Value)
}

// quoteValue is shown for the values of flags and variables.
func quoteValue(k *Key, s string) string { return strconv.Quote(cut(mask(k, s))) }

func cut(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// quoteNames lists the names directly under a section, for errors.
func quoteNames(name string) string {
	var b strings.Builder
	for i, full := range below(name) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(full[len(name)+1:])
	}
	return b.String()
}

// nested writes a dotted name the way it stands in a file.
func nested(name string) string {
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	return strings.Join(parts[:len(parts)-1], ": ") + ": and below it " + last + ":"
}
