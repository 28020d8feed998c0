package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/roster-sd/roster/store"
	"github.com/roster-sd/roster/store/codec"
)

// A record in Redis is a line of numbers, which scripts read and write,
//
//	1 LEASE GENERATION REVISION CHANGED TTL REGISTERED
//
// and one or two lines of JSON, which they do not look into. What a tombstone forgets of a
// record because it may be large, tags and metadata, stands in the second line.
//
// What the two lines hold is of one codec.Format; what each holds that this build does
// not know is kept apart.
type stored struct {
	rec        *store.Record
	rest, more []byte // JSON: unknown members of the first and of the second line
}

// heavy takes what stands in the second line out of an instance.
func heavy(in *store.Instance) store.Instance {
	h := store.Instance{Tags: in.Tags, Metadata: in.Metadata, Meta: in.Meta}
	in.Tags, in.Metadata, in.Meta = nil, nil, ""
	return h
}

// encode gives the JSON of a record.
func encode(s *stored) (string, error) {
	first := codec.Stored{Record: store.Record{Owner: s.rec.Owner, Tokens: s.rec.Tokens, Process: s.rec.Process, Instance: s.rec.Instance}, Rest: s.rest}
	second := codec.Stored{Record: store.Record{Instance: heavy(&first.Record.Instance)}, Rest: s.more}
	text, err := codec.Append(make([]byte, 0, 1024), &first)
	if err != nil {
		return "", err
	}
	if h := &second.Record.Instance; len(h.Tags) > 0 || len(h.Metadata) > 0 || h.Meta != "" || len(s.more) > 0 {
		if text, err = codec.Append(append(text, '\n'), &second); err != nil {
			return "", err
		}
	}
	return string(text), nil
}

var errValue = errors.New("a record in redis cannot be read")

// decode reads a record. Of a tombstone's, the second line is missing.
func decode(key store.Key, epoch uint64, value string) (*stored, error) {
	line, text, ok := strings.Cut(value, "\n")
	f := strings.Fields(line)
	if !ok || len(f) < 7 || f[0] != "1" {
		return nil, fmt.Errorf("%w: %v: %.100q", errValue, key, line)
	}
	var n [5]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(f[2+i], 10, 63); err != nil {
			return nil, fmt.Errorf("%w: %v: %.100q", errValue, key, line)
		}
	}
	lease, err := leaseOf(f[1])
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", errValue, key, err)
	}
	head, tail, two := strings.Cut(text, "\n")
	first, err := codec.Decode([]byte(head))
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", errValue, key, err)
	}
	out := &stored{rec: &first.Record, rest: first.Rest}
	if two {
		second, err := codec.Decode([]byte(tail))
		if err != nil {
			return nil, fmt.Errorf("%w: %v: %w", errValue, key, err)
		}
		in, of := &out.rec.Instance, &second.Record.Instance
		in.Tags, in.Metadata, in.Meta, out.more = of.Tags, of.Metadata, of.Meta, second.Rest
	}
	rec := out.rec
	rec.Key, rec.Lease, rec.Generation = key, lease, n[0]
	rec.Revision, rec.Changed = store.Revision{Epoch: epoch, Number: n[1]}, n[2]
	rec.TTL, rec.RegisteredAt = time.Duration(n[3])*time.Millisecond, store.Millis(n[4])
	return out, nil
}

// reason gives the JSON of a reason, signed by this node if by none.
func (s *Store) reason(why store.Reason, code store.Code) (string, error) {
	if why.Node == "" {
		why.Node = s.opts.Node
	}
	why.Code = code
	text, err := codec.Append(nil, &codec.Stored{Why: why})
	return string(text), err
}

func reasonOf(text string) (store.Reason, error) {
	if text == "" {
		return store.Reason{}, nil
	}
	s, err := codec.Decode([]byte(text))
	return s.Why, err
}
