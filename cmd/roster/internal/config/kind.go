package config

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind is the type of a key's value.
type Kind int

// The kinds, with the Go type of their values.
const (
	KindText     Kind = iota // string
	KindInt                  // int
	KindBool                 // bool
	KindDuration             // time.Duration
	KindList                 // []string
	KindRules                // []PolicyRule; in the file only
)

// want says what a value of the kind looks like, for errors.
func (k Kind) want() string {
	switch k {
	case KindInt:
		return "a whole number"
	case KindBool:
		return "true or false"
	case KindDuration:
		return "a number with a unit, such as 30s, 500ms or 1h30m"
	case KindList:
		return "a list, such as [a, b]"
	case KindRules:
		return "a list of rules, such as - {identity: \"spiffe://example.org/*\", discover: [\"*\"]}"
	}
	return "text"
}

// name is what flags call the kind in their help.
func (k Kind) name() string {
	switch k {
	case KindInt:
		return "number"
	case KindBool:
		return "bool"
	case KindDuration:
		return "duration"
	case KindList:
		return "list"
	}
	return "string"
}

// parse reads a value from a flag, a variable or a scalar of the file. Items of a list
// are separated by commas; one that holds a comma is quoted as in CSV. The error says
// what is expected, without the value.
func (k Kind) parse(s string) (any, error) {
	switch k {
	case KindText:
		return s, nil
	case KindInt:
		if n, err := strconv.Atoi(s); err == nil {
			return n, nil
		}
	case KindBool:
		switch strings.ToLower(s) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
	case KindDuration:
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	case KindList:
		if items, err := splitList(s); err == nil {
			return items, nil
		}
	}
	return nil, fmt.Errorf("want %s", k.want())
}

func splitList(s string) ([]string, error) {
	if strings.TrimSpace(s) == "" {
		return []string{}, nil
	}
	r := csv.NewReader(strings.NewReader(s))
	r.TrimLeadingSpace = true
	items, err := r.Read()
	if err != nil {
		return nil, err
	}
	if _, err := r.Read(); err == nil {
		return nil, fmt.Errorf("more than one line")
	}
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items, nil
}

// format gives a value as parse reads it.
func format(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return formatDuration(v)
	case []string:
		switch {
		case len(v) == 0:
			return ""
		case len(v) == 1 && v[0] == "":
			return `""` // an empty line would be an empty list
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		_ = w.Write(v) // a strings.Builder takes everything
		w.Flush()
		return strings.TrimSuffix(b.String(), "\n")
	}
	return fmt.Sprint(v)
}

// formatDuration writes a duration without the zeros that Go puts at its end: 1h, not 1h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
