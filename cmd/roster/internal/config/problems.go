package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a value.
type Problem struct {
	Key     string // empty where no known key is concerned
	Message string // the rule that is broken
	// At is where the value comes from, where that is known.
	At Source
}

// Error names the place, the key and the rule.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.At.Layer != "" && p.At.Layer != FromDefault {
		b.WriteString(p.At.String())
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is everything that is wrong, at once. errors.As finds the first [*Problem].
type Problems struct {
	Op   string // what was done
	List []error
}

// Error gives one line for one problem, and a line for each of several.
func (p *Problems) Error() string {
	if len(p.List) == 1 {
		return p.Op + ": " + p.List[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems:", p.Op, len(p.List))
	for _, err := range p.List {
		b.WriteString("\n  ")
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap gives every problem to errors.Is and errors.As.
func (p *Problems) Unwrap() []error { return p.List }

// problemList gathers problems.
type problemList []error

func (l *problemList) add(at Source, key, format string, args ...any) {
	*l = append(*l, &Problem{Key: key, Message: fmt.Sprintf(format, args...), At: at})
}

// err is nil where there are no problems.
func (l problemList) err(op string) error {
	if len(l) == 0 {
		return nil
	}
	return &Problems{Op: op, List: l}
}
