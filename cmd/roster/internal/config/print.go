package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The formats of [Loaded.Print].
const (
	FormatYAML  = "yaml"  // a file that gives the same configuration, sources as comments
	FormatTable = "table" // key, value, source
	FormatJSON  = "json"
)

// ErrFormat is the kind of error of a format that Print does not know: a mistake in the
// command line, not in the configuration.
var ErrFormat = errors.New("want yaml, table or json")

// Print writes every key with its value and where that comes from, in the order of the
// table of keys. Secrets are masked.
func (l *Loaded) Print(w io.Writer, format string) error {
	var err error
	switch format {
	case FormatYAML, "":
		_, err = io.WriteString(w, l.yaml())
	case FormatTable:
		err = l.table(w)
	case FormatJSON:
		err = l.json(w)
	default:
		return fmt.Errorf("print configuration: format %q is not known: %w", format, ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("print configuration: %w", err)
	}
	return nil
}

// yaml writes the values as a file has them and each source as a comment beside it.
func (l *Loaded) yaml() string {
	var lines [][2]string
	width := 0
	var open []string // the sections that the last line is in
	for i := range keys {
		k := &keys[i]
		parts := strings.Split(k.Name, ".")
		sections := parts[:len(parts)-1]
		for depth := range sections {
			if depth < len(open) && slices.Equal(open[:depth+1], sections[:depth+1]) {
				continue
			}
			lines = append(lines, [2]string{strings.Repeat("  ", depth) + sections[depth] + ":"})
		}
		open = sections
		s := l.layers.setting(k)
		indent := strings.Repeat("  ", len(sections))
		for j, text := range yamlLines(maskValue(k, s.value)) {
			line := [2]string{indent + "  " + text}
			if j == 0 {
				line = [2]string{strings.TrimRight(indent+parts[len(parts)-1]+": "+text, " "), s.source.String()}
				width = max(width, min(len(line[0]), 60))
			}
			lines = append(lines, line)
		}
	}
	var b strings.Builder
	for _, line := range lines {
		if line[1] == "" {
			fmt.Fprintf(&b, "%s\n", line[0])
			continue
		}
		fmt.Fprintf(&b, "%-*s  # %s\n", width, line[0], line[1])
	}
	return b.String()
}

func (l *Loaded) table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KEY\tVALUE\tFROM")
	for i := range keys {
		k := &keys[i]
		s := l.layers.setting(k)
		value := yamlLines(maskValue(k, s.value))[0]
		if rules, ok := s.value.([]PolicyRule); ok && len(rules) > 0 {
			value = fmt.Sprintf("%d rules, see -o yaml", len(rules))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", k.Name, value, s.source)
	}
	return tw.Flush()
}

func (l *Loaded) json(w io.Writer) error {
	type entry struct {
		Key   string `json:"key"`
		Value any    `json:"value"`
		Layer Layer  `json:"layer"`
		From  string `json:"from"`
	}
	entries := make([]entry, 0, len(keys))
	for i := range keys {
		k := &keys[i]
		s := l.layers.setting(k)
		value := maskValue(k, s.value)
		if d, ok := value.(time.Duration); ok {
			value = formatDuration(d)
		}
		entries = append(entries, entry{k.Name, value, s.source.Layer, s.source.String()})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(entries)
}
