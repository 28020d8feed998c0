package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds what is read as a configuration: a wrong path must not fill the memory.
const maxFile = 1 << 20

// readFile reads the file; its errors say what to do about them.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist: name another with --config, or leave --config away to run on defaults, environment and flags", name)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s may not be read by this user: change its mode or its owner", name)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if errors.Is(err, syscall.EISDIR) {
		return nil, fmt.Errorf("%s is a directory: name the file in it", name)
	}
	if err != nil {
		return nil, err // names operation and file
	}
	if len(b) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: that is no configuration", name, maxFile)
	}
	return b, nil
}

// parseFile reads YAML into settings. It reports every unknown or repeated key and every
// value of a wrong type at once, with its line.
func parseFile(name string, b []byte) (settings, []error) {
	r := &reader{file: name, got: settings{}}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return r.got, nil
	case err != nil:
		return nil, []error{syntaxError(name, b, err)}
	}
	switch err := d.Decode(&more); {
	case err == nil:
		r.add(more.Line, "", "a second document begins: a configuration is one")
	case !errors.Is(err, io.EOF):
		return nil, []error{syntaxError(name, b, err)}
	}
	if doc.Kind == yaml.DocumentNode && len(doc.Content) == 1 {
		r.mapping("", resolve(doc.Content[0]))
	}
	return r.got, r.problems
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError makes an error of the parser's readable: file and line first, and a hint at
// what is the most common cause.
func syntaxError(name string, b []byte, err error) error {
	text := err.Error()
	at := name
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if m[1] != "" {
			at += ":" + m[1]
		}
	}
	if line := tabIndented(b); line > 0 {
		return fmt.Errorf("%s:%d: a tab in the indentation: YAML is indented with spaces", name, line)
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return fmt.Errorf("%s: not a text file: a configuration is YAML", name)
	}
	return fmt.Errorf("%s: not YAML: %s", at, text)
}

// tabIndented gives the first line with a tab in its indentation, or 0.
func tabIndented(b []byte) int {
	for i, line := range strings.Split(string(b), "\n") {
		body := strings.TrimLeft(line, " \t")
		if body != "" && body[0] != '#' && strings.Contains(line[:len(line)-len(body)], "\t") {
			return i + 1
		}
	}
	return 0
}

// reader walks the tree of a file by the table of keys, so its depth is the table's.
type reader struct {
	file     string
	got      settings
	problems problemList
}

func (r *reader) at(line int) Source { return Source{Layer: FromFile, Name: r.file, Line: line} }

func (r *reader) add(line int, key, format string, args ...any) {
	r.problems.add(r.at(line), key, format, args...)
}

// mapping reads the keys of a section, "" being the file itself.
func (r *reader) mapping(name string, n *yaml.Node) {
	if empty(n) {
		return // "tls:" with nothing but comments below it
	}
	if n.Kind != yaml.MappingNode {
		if name == "" {
			r.add(n.Line, "", "want keys and values, such as listen: \":8443\", not %s", kindOf(n))
			return
		}
		r.add(n.Line, name, "want the keys %s below it, not %s", quoteNames(name), kindOf(n))
		return
	}
	r.entries(n, name, func(key string, at *yaml.Node, value *yaml.Node) {
		full := key
		if name != "" {
			full = name + "." + key
		}
		// A name with a dot in it is spelled right and placed wrong.
		k := find(full)
		switch {
		case strings.Contains(key, ".") && (k != nil || section(full)):
			r.add(at.Line, "", "key %q is written in one: want %s", key, nested(full))
		case k != nil:
			r.value(k, at, value)
		case section(full):
			r.mapping(full, value)
		default:
			r.problems = append(r.problems, &Problem{Message: unknownKey(full), At: r.at(at.Line)})
		}
	})
}

// entries calls visit for each key of a mapping, but for those that are no plain names or
// were there before.
func (r *reader) entries(n *yaml.Node, name string, visit func(key string, at, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := resolve(n.Content[i]), resolve(n.Content[i+1])
		line := n.Content[i].Line
		if at.Kind != yaml.ScalarNode || at.Tag == "!!merge" {
			r.add(line, name, "want plain names as keys, not %s", kindOf(at))
			continue
		}
		if first, twice := seen[at.Value]; twice {
			r.add(line, name, "key %q is given twice, first in line %d", cut(at.Value), first)
			continue
		}
		seen[at.Value] = line
		visit(at.Value, n.Content[i], value)
	}
}

// value reads the value of a key.
func (r *reader) value(k *Key, at, n *yaml.Node) {
	var v any
	switch {
	case empty(n):
		r.add(at.Line, k.Name, "has no value: want %s, or remove the line for the default", k.Kind.want())
		return
	case k.Kind == KindRules:
		v = r.rules(k.Name, n)
	case k.Kind == KindList:
		v = r.list(k.Name, n)
	default:
		parsed, err := parseScalar(k.Kind, n)
		if err != nil {
			r.add(n.Line, k.Name, "%s is wrong: %v", shown(k, n), err)
			return
		}
		v = parsed
	}
	r.got[k.Name] = setting{value: v, source: r.at(at.Line)}
}

// list reads a list of text.
func (r *reader) list(name string, n *yaml.Node) []string {
	items := []string{}
	if n.Kind != yaml.SequenceNode {
		r.add(n.Line, name, "want %s, not %s", KindList.want(), kindOf(n))
		return items
	}
	for i, item := range n.Content {
		v, err := parseScalar(KindText, resolve(item))
		if err != nil {
			r.add(item.Line, name+"["+strconv.Itoa(i)+"]", "%v, not %s", err, kindOf(resolve(item)))
			continue
		}
		items = append(items, v.(string))
	}
	return items
}
