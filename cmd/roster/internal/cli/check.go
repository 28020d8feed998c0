package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/roster-sd/roster/wire"
)

// bindCheck gives a command that registers the flags that ask for a check.
func (r *registration) bindCheck() {
	f := r.cmd.Flags()
	f.StringVar(&r.check, "check", "", "have the registry look whether it can be reached: tcp, http:/PATH or grpc:SERVICE")
	f.DurationVar(&r.interval, "check-interval", 0, "how often it looks; 10s if absent")
	f.DurationVar(&r.timeout, "check-timeout", 0, "how long it waits for an answer; 2s if absent")
	f.IntVar(&r.failures, "check-failures", 0, "after how many failures in a row the instance is failing; 3 if absent")
	f.IntVar(&r.successes, "check-successes", 0, "after how many passes in a row it is passing again; 2 if absent")
	f.BoolVar(&r.evict, "check-evict", false, "when it is failing and fails on, remove it")
	complete(r.cmd, "check", wire.CheckTCP, wire.CheckHTTP, wire.CheckGRPC)
}

// asked gives the check that the flags ask for, nil for none.
func (r *registration) asked() (*wire.Check, error) {
	set := r.cmd.Flags().Changed
	if !set("check") {
		for _, name := range []string{"check-interval", "check-timeout", "check-failures", "check-successes", "check-evict"} {
			if set(name) {
				return nil, usagef("--%s says how to check: say what with --check, such as --check tcp", name)
			}
		}
		return nil, nil
	}
	kind, path, _ := strings.Cut(r.check, ":")
	c := &wire.Check{Type: kind, Path: path, Failures: r.failures, Successes: r.successes}
	switch kind {
	case wire.CheckTCP, wire.CheckHTTP, wire.CheckGRPC:
	default:
		return nil, usagef("--check %s: want tcp, http:/PATH or grpc:SERVICE", r.check)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
		into  *int64
	}{{"check-interval", r.interval, &c.Interval}, {"check-timeout", r.timeout, &c.Timeout}} {
		if set(d.name) && (d.value <= 0 || d.value%time.Millisecond != 0) {
			return nil, usagef("--%s %s: want whole milliseconds, and more than none", d.name, d.value)
		}
		*d.into = d.value.Milliseconds()
	}
	for name, n := range map[string]int{"check-failures": r.failures, "check-successes": r.successes} {
		if set(name) && n < 1 {
			return nil, usagef("--%s %d: want 1 or more", name, n)
		}
	}
	if r.evict {
		c.OnFailure = wire.OnFailureEvict
	}
	return c, nil
}

// checkText tells how an instance is checked; nothing for one that is not.
func checkText(c *wire.Check) string {
	if c == nil {
		return ""
	}
	text := fmt.Sprintf("%s every %s, within %s; failing after %d, passing after %d in a row",
		checkName(c), millis(c.Interval), millis(c.Timeout), c.Failures, c.Successes)
	if c.OnFailure == wire.OnFailureEvict {
		text += "; removed when it fails"
	}
	return text
}

// checkName tells what is checked.
func checkName(c *wire.Check) string {
	if c.Path == "" {
		return clean(c.Type)
	}
	return clean(c.Type + " " + c.Path)
}

// found tells in few words what the check of an instance found; nothing for one without.
func found(in *wire.Instance) string {
	switch v := in.Verdict; {
	case in.Check == nil || v == nil:
		return ""
	case v.Why == "":
		return clean(in.Check.Type) + ": passes"
	default:
		return clean(in.Check.Type) + ": " + clean(v.Why)
	}
}

// verdictText tells what the check found, for how long, and who says so; nothing for one
// without a check.
func verdictText(in *wire.Instance, now int64) string {
	v := in.Verdict
	if v == nil {
		return ""
	}
	text := or(v.Why, "passes")
	if v.Node != "" {
		text += fmt.Sprintf(", since %s ago, says %s", span(between(v.Since, now)), v.Node)
	}
	return clean(text)
}
