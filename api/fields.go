package api

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/wire"
)

// maxFaults bounds how many bad fields are told at once. It is more than a request by
// hand can have; without it, a small body of nothing but faults would make a large answer.
const maxFaults = 200

// fields gathers what is wrong with the members of a document, so that every bad one is
// told at once.
type fields struct{ errs []wire.FieldError }

func (f *fields) add(field, rule string) {
	if len(f.errs) < maxFaults {
		f.errs = append(f.errs, wire.FieldError{Field: field, Message: rule})
	}
}

func (f *fields) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	return &problem{code: wire.CodeInvalid, detail: "the request breaks the rules named in errors", fields: f.errs}
}

// with gives the error of a document in which something is wrong, with what else the rules
// find wrong in it, so that every bad field is told at once; nil where nothing is, and the
// rules are left to the call.
func (f *fields) with(check func() []registry.FieldError) error {
	if len(f.errs) == 0 {
		return nil
	}
	for _, e := range check() {
		if !f.told(e.Field) {
			f.add(e.Field, e.Message)
		}
	}
	return f.err()
}

// read reads a body of one object: member reads the value of each of its members, and check
// gives what the rules find wrong in the whole.
func (f *fields) read(c *gin.Context, member func(name string, dec *jsontext.Decoder) error, check func() []registry.FieldError) error {
	b, err := read(c, maxBody)
	if err != nil {
		return err
	}
	defer b.release()
	if err := b.document(member); err != nil {
		return err
	}
	return f.with(check)
}

// unknown notes a member that is not known, and skips it. So that a typo in one cannot
// pass for an absent one, it is an error.
func (f *fields) unknown(field string, dec *jsontext.Decoder) error {
	f.add(shortName(field), "is not known")
	return dec.SkipValue()
}

// text reads a string.
func (f *fields) text(field string, dec *jsontext.Decoder, into *string) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	s, ok := unquote(v)
	if !ok {
		f.add(field, "must be a string")
		return nil
	}
	*into = s
	return nil
}

func unquote(v jsontext.Value) (string, bool) {
	if v.Kind() != '"' {
		return "", false
	}
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	s, err := jsontext.AppendUnquote(nil, v)
	return string(s), err == nil
}

// number reads an integer between two bounds; rule is what is said of anything else.
func (f *fields) number(field string, dec *jsontext.Decoder, low, high int64, rule string, into *int64) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < low || n > high {
		f.add(field, rule)
		return nil
	}
	*into = n
	return nil
}

// truth reads true or false.
func (f *fields) truth(field string, dec *jsontext.Decoder, into *bool) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	if k := v.Kind(); k != 't' && k != 'f' {
		f.add(field, "must be true or false")
		return nil
	}
	*into = v.Kind() == 't'
	return nil
}

// maxMillis is the longest time in milliseconds that a duration can hold.
const maxMillis = math.MaxInt64 / int64(time.Millisecond)

// duration reads a number of milliseconds.
func (f *fields) duration(field string, dec *jsontext.Decoder, into *time.Duration) error {
	var ms int64
	err := f.number(field, dec, 1, maxMillis, "must be a number of milliseconds, a positive integer", &ms)
	if ms > 0 {
		*into = time.Duration(ms) * time.Millisecond
	}
	return err
}

// texts reads an array of strings.
func (f *fields) texts(field string, dec *jsontext.Decoder, into *[]string) error {
	if dec.PeekKind() != '[' {
		f.add(field, "must be an array of strings")
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	list := []string{}
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		s, ok := unquote(v)
		if !ok {
			f.add(fmt.Sprintf("%s[%d]", field, len(list)), "must be a string")
		}
		list = append(list, s)
	}
	*into = list
	_, err := dec.ReadToken()
	return err
}

// members reads an object of strings, and of nulls where those are allowed.
func (f *fields) members(field string, dec *jsontext.Decoder, null bool, set func(key string, value *string)) error {
	if dec.PeekKind() != '{' {
		f.add(field, "must be an object of strings")
		return dec.SkipValue()
	}
	return object(dec, func(key string, dec *jsontext.Decoder) error {
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		s, ok := unquote(v)
		switch {
		case ok:
			set(key, &s)
		case null && v.Kind() == 'n':
			set(key, nil)
		default:
			f.add(field+"."+shortName(key), "must be a string")
		}
		return nil
	})
}
