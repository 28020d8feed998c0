package registry

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/roster-sd/roster/store"
)

// Registration is a request to register an instance.
type Registration struct {
	Service  string
	ID       string // made if empty
	Instance store.Instance
	TTL      time.Duration
	HasTTL   bool
	Token    string // of the instance that is replaced, where the identity alone gives no right to
	Note     string
}

// Check tells every rule that the registration breaks, by the names of the wire.
func (r *Registry) Check(reg *Registration) []FieldError {
	var c checker
	c.ok(ValidService(reg.Service), "serviceName", ruleService)
	c.ok(reg.Service != Reserved, "serviceName", ruleReserved)
	c.ok(reg.ID == "" || ValidInstanceID(reg.ID), "instanceId", ruleInstance)
	in := &reg.Instance
	c.ok(in.Address == "" || ValidAddress(in.Address), "address", ruleAddress)
	c.ok(in.Port != 0, "port", rulePort)
	c.weight(in.Weight)
	c.status(in.Status)
	c.text("protocol", in.Protocol)
	c.text("version", in.Version)
	c.text("env", in.Env)
	c.text("zone", in.Zone)
	c.text("role", in.Role)
	c.ok(in.PID >= 0 && in.PID <= 1<<31-1, "pid", "must be an integer from 1 to 2147483647")
	c.tags(in.Tags)
	c.metadata(inOrder(in.Metadata))
	c.check(in.Check, &r.opts.Checks)
	c.errs = append(c.errs, checkNote("note", reg.Note)...)
	if _, err := r.opts.Leases.Grant(reg.TTL, reg.HasTTL); err != nil {
		c.add("ttl", strings.TrimPrefix(err.Error(), "ttl "))
	}
	return c.errs
}

// checker gathers what is wrong.
type checker struct{ errs []FieldError }

func (c *checker) add(field, message string) {
	c.errs = append(c.errs, FieldError{Field: field, Message: message})
}

func (c *checker) ok(ok bool, field, rule string) {
	if !ok {
		c.add(field, rule)
	}
}

func (c *checker) weight(w uint16) { c.ok(w >= minWeight && w <= maxWeight, "weight", ruleWeight) }

func (c *checker) status(s string) {
	switch s {
	case store.StatusStarting, store.StatusUp, store.StatusDraining, store.StatusOutOfService:
	default:
		c.add("status", ruleStatus)
	}
}

func (c *checker) text(field, s string) {
	c.ok(len(s) <= maxText && printable(s), field,
		fmt.Sprintf("must be at most %d bytes of UTF-8 without control characters", maxText))
}

func (c *checker) tags(tags []string) {
	c.ok(len(tags) <= maxTags, "tags", fmt.Sprintf("must be at most %d", maxTags))
	for i, tag := range tags {
		if i == maxTags {
			break
		}
		c.ok(tag != "" && len(tag) <= maxText && printable(tag), fmt.Sprintf("tags[%d]", i),
			fmt.Sprintf("must be 1 to %d bytes of UTF-8 without control characters", maxText))
	}
}

// metadata checks pairs that are in order.
func (c *checker) metadata(pairs []store.Pair) {
	c.ok(len(pairs) <= maxMetadata, "metadata", fmt.Sprintf("must be at most %d entries", maxMetadata))
	size := 0
	for i, p := range pairs {
		size += len(p.Key) + len(p.Value)
		if i >= maxMetadata {
			continue
		}
		c.ok(i == 0 || p.Key != pairs[i-1].Key, "metadata."+quoteKey(p.Key), "must stand once")
		c.ok(p.Key != "" && len(p.Key) <= maxText && printable(p.Key), "metadata",
			fmt.Sprintf("keys must be 1 to %d bytes of UTF-8 without control characters", maxText))
		c.ok(textual(p.Value), "metadata."+quoteKey(p.Key), "must be UTF-8 without control characters")
	}
	c.ok(size <= maxMetadataBytes, "metadata", fmt.Sprintf("must be at most %d bytes, keys and values together", maxMetadataBytes))
}

// printable tells whether s is UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}

// textual is printable with line ends and tabs allowed, as in a value that is JSON text.
func textual(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	}) < 0
}

func checkNote(field, note string) []FieldError {
	if len(note) > maxNote || !printable(note) {
		return []FieldError{{Field: field, Message: fmt.Sprintf("must be at most %d bytes of UTF-8 without control characters", maxNote)}}
	}
	return nil
}

// quote shows a caller's text in a message, shortened, and escaped as Go does.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return fmt.Sprintf("%q", s)
}

func quoteKey(s string) string {
	if len(s) <= maxText && printable(s) {
		return s
	}
	return quote(s)
}
