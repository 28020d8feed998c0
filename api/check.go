package api

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// The rules of a check's numbers, as they are told of what is no such number at all; the
// registry tells the bounds that are configured.
const (
	ruleInARow    = "must be an integer from 1 to 10"
	ruleOnFailure = "must be mark or evict"
)

// check reads how an instance is to be checked, with the defaults of what it leaves out.
func (f *fields) check(field string, dec *jsontext.Decoder, into **store.Check) error {
	if dec.PeekKind() != '{' {
		f.add(field, "must be an object")
		return dec.SkipValue()
	}
	var ck store.Check
	typed := false
	then := "mark"
	err := object(dec, func(name string, dec *jsontext.Decoder) error {
		full := field + "." + name
		switch name {
		case "type":
			typed = true
			return f.text(full, dec, &ck.Type)
		case "path":
			before := len(f.errs)
			err := f.text(full, dec, &ck.Path)
			if ck.Path == "" && err == nil && len(f.errs) == before {
				f.add(full, "must not be empty; leave it out for the default")
			}
			return err
		case "interval":
			return f.duration(full, dec, &ck.Interval)
		case "timeout":
			return f.duration(full, dec, &ck.Timeout)
		case "failures":
			return f.inARow(full, dec, &ck.Failures)
		case "successes":
			return f.inARow(full, dec, &ck.Successes)
		case "onFailure":
			before := len(f.errs)
			err := f.text(full, dec, &then)
			if err == nil && len(f.errs) == before && then != "mark" && then != "evict" {
				f.add(full, ruleOnFailure)
			}
			return err
		}
		return f.unknown(full, dec)
	})
	if err == nil && !typed {
		f.add(field+".type", "is required: tcp, http or grpc")
	}
	ck.Evict = then == "evict"
	registry.SetCheckDefaults(&ck)
	*into = &ck
	return err
}

// inARow reads how many results in a row make a verdict.
func (f *fields) inARow(field string, dec *jsontext.Decoder, into *uint16) error {
	n := int64(1) // what is told of a bad value is told once, here
	err := f.number(field, dec, 1, 10, ruleInARow, &n)
	*into = uint16(n)
	return err
}

// appendCheck appends the members of an instance that tell of its check.
func appendCheck(dst []byte, in *store.Instance) []byte {
	if ck := in.Check; ck != nil {
		dst = appendText(append(dst, `,"check":{`...), "type", ck.Type)
		if ck.Path != "" {
			dst = appendText(append(dst, ','), "path", ck.Path)
		}
		dst = appendNumber(dst, "interval", int64(ck.Interval/time.Millisecond))
		dst = appendNumber(dst, "timeout", int64(ck.Timeout/time.Millisecond))
		dst = appendNumber(dst, "failures", int64(ck.Failures))
		dst = appendNumber(dst, "successes", int64(ck.Successes))
		dst = append(appendText(append(dst, ','), "onFailure", onFailure(ck)), '}')
	}
	if v := in.Verdict; v != nil {
		dst = append(dst, `,"verdict":{`...)
		dst = appendText(dst, "why", v.Why)
		if v.Node != "" {
			dst = appendText(append(dst, ','), "node", v.Node)
			dst = appendNumber(dst, "since", int64(v.Since))
		}
		dst = append(dst, '}')
	}
	return dst
}

func onFailure(ck *store.Check) string {
	if ck.Evict {
		return "evict"
	}
	return "mark"
}
