package apicheck

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// documentURL is the name under which the description is known to the schema compiler.
const documentURL = "roster:///openapi.json"

// node is a place in the description: its JSON pointer and what stands there.
type node struct {
	root    any
	pointer string
	value   any
}

// get gives the member of that name, its references followed; an empty node if there is none.
func (n node) get(name string) node { return n.member(name).follow() }

// member gives the member as it stands, perhaps a reference.
func (n node) member(name string) node {
	m, _ := n.value.(map[string]any)
	value, ok := m[name]
	if !ok {
		return node{}
	}
	escaped := strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	return node{root: n.root, pointer: n.pointer + "/" + escaped, value: value}
}

func (n node) index(i int) node {
	return node{root: n.root, pointer: fmt.Sprintf("%s/%d", n.pointer, i), value: n.value.([]any)[i]}
}

// follow goes where a reference points to, within the document.
func (n node) follow() node {
	for {
		m, _ := n.value.(map[string]any)
		ref, ok := m["$ref"].(string)
		if !ok {
			return n
		}
		n = lookup(n.root, ref)
	}
}

func lookup(root any, ref string) node {
	n := node{root: root, value: root}
	for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		n = n.member(strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"))
	}
	return n
}

func (n node) exists() bool { return n.root != nil }

func (n node) text() string {
	s, _ := n.value.(string)
	return s
}

func (n node) flag() bool {
	b, _ := n.value.(bool)
	return b
}

// members goes through an object by name, in order, with references followed.
func (n node) members() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		m, _ := n.value.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, n.get(name)) {
				return
			}
		}
	}
}

// items goes through an array, with references followed.
func (n node) items() iter.Seq[node] {
	return func(yield func(node) bool) {
		list, _ := n.value.([]any)
		for i := range list {
			if !yield(n.index(i).follow()) {
				return
			}
		}
	}
}

// schema is a compiled schema and the type that its values have, as far as needed to
// read one from the text of a parameter or header.
type schema struct {
	*jsonschema.Schema
	kind  string
	items string // the kind of the items of an array
}

// compile compiles the schema that stands under name; nil if there is none.
func (n node) compile(c *jsonschema.Compiler, name string) (*schema, error) {
	at := n.member(name)
	if !at.exists() {
		return nil, nil
	}
	// The pointer is part of a URL, where braces and the like are escaped.
	compiled, err := c.Compile(documentURL + "#" + escapeFragment(at.pointer))
	if err != nil {
		return nil, fmt.Errorf("schema at %s: %w", at.pointer, err)
	}
	resolved := at.follow()
	return &schema{
		Schema: compiled,
		kind:   resolved.get("type").text(),
		items:  resolved.get("items").get("type").text(),
	}, nil
}
