package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// format is the value of -o.
type format string

const (
	formatTable format = "table"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

// String, Set and Type make it a flag.
func (f *format) String() string { return string(*f) }

func (f *format) Set(s string) error {
	switch format(s) {
	case formatTable, formatJSON, formatYAML:
		*f = format(s)
		return nil
	}
	return errors.New("want table, json or yaml")
}

func (f *format) Type() string { return "format" }

// print writes data in the form that the user asked for; table writes it for people.
func (s *session) print(data any, table func(io.Writer)) error {
	switch s.output {
	case formatJSON:
		enc := json.NewEncoder(s.env.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return written(enc.Encode(data))
	case formatYAML:
		text, err := toYAML(data)
		if err != nil {
			return err
		}
		_, err = s.env.Stdout.Write(text)
		return written(err)
	}
	out := &sticky{w: s.env.Stdout}
	table(out)
	return written(out.err)
}

func written(err error) error {
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// sticky remembers the first error, so that printing in steps is checked once.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// toYAML gives the JSON form of data in YAML: the same names, in the same order.
func toYAML(data any) ([]byte, error) {
	text, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // JSON is YAML
		return nil, fmt.Errorf("print: %w", err)
	}
	plainStyle(&node)
	if text, err = yaml.Marshal(&node); err != nil {
		return nil, fmt.Errorf("print: %w", err)
	}
	return text, nil
}

// plainStyle drops the brackets and quotes of JSON. Strings that would read as
// something else without quotes keep their tag, and so get them again, all but those
// that only readers of YAML 1.1 take for something else.
func plainStyle(n *yaml.Node) {
	n.Style = 0
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" && yaml11.MatchString(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, child := range n.Content {
		plainStyle(child)
	}
}

// yaml11 matches what YAML 1.1 reads as a truth value or as a number to the base 60.
var yaml11 = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)$`)
