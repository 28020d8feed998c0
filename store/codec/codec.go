package codec

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/roster-sd/roster/store"
)

// Stored is a record with what a backend keeps beside it.
type Stored struct {
	Record store.Record
	// Why and Time tell of the last change, or of the death if this is a tombstone.
	Why  store.Reason
	Time store.Millis
	// Rest is a JSON object of the members that this build does not know. It is written
	// back unchanged; nil is none.
	Rest jsontext.Value
}

var (
	errPairs  = errors.New("metadata is a list of names and values in turn")
	errNumber = errors.New("a number is out of range")
)

// Append appends the JSON object to dst. Equal values give equal bytes. It fails for
// text that is not UTF-8, and for a Rest that is no object or has a member of this form.
func Append(dst []byte, s *Stored) ([]byte, error) {
	f := form{Format: Format, Reads: oldest(), Rest: s.Rest}
	f.from(s)
	text, err := json.Marshal(&f)
	if err != nil {
		return dst, fmt.Errorf("encode a record: %w", err)
	}
	return append(dst, text...), nil
}

// Decode reads what Append of this build or of another one wrote. What it gives shares
// nothing with data.
func Decode(data []byte) (Stored, error) {
	var f form
	if err := json.Unmarshal(data, &f); err != nil {
		return Stored{}, fmt.Errorf("decode a record: %w", err)
	}
	if !readable(f.Format, f.Reads) {
		return Stored{}, fmt.Errorf("decode a record: format %d, for readers of %d or later, is not one that this build of format %d reads", f.Format, f.Reads, Format)
	}
	s, err := f.stored()
	if err != nil {
		return Stored{}, fmt.Errorf("decode a record: %w", err)
	}
	return s, nil
}

// oldest gives the oldest form whose readers understand what this build writes.
func oldest() int { return max(1, Format-1) }

// readable tells whether this build understands a form.
func readable(format, reads int) bool {
	if format > Format {
		return reads >= 1 && reads <= Format
	}
	return format >= oldest()
}

// form is the JSON object. A name once used is never used again for anything else, and a
// later version adds its members here and not inside of tokens or reason: what is unknown
// is kept at the top only.
type form struct {
	Format int `json:"format"`
	Reads  int `json:"reads"`

	Kind         string    `json:"k,omitzero"`
	Service      string    `json:"s,omitzero"`
	ID           string    `json:"i,omitzero"`
	Lease        uint64    `json:"l,omitzero"`
	Generation   uint64    `json:"g,omitzero"`
	Epoch        uint64    `json:"e,omitzero"`
	Number       uint64    `json:"n,omitzero"`
	Changed      uint64    `json:"c,omitzero"`
	TTL          int64     `json:"ttl,omitzero"` // nanoseconds
	RegisteredAt int64     `json:"at,omitzero"`
	Owner        string    `json:"own,omitzero"`
	Tokens       tokens    `json:"tok,omitzero"`
	Process      string    `json:"proc,omitzero"`
	Address      string    `json:"addr,omitzero"`
	Port         uint16    `json:"port,omitzero"`
	Weight       uint16    `json:"w,omitzero"`
	PID          int64     `json:"pid,omitzero"`
	Protocol     string    `json:"proto,omitzero"`
	Version      string    `json:"ver,omitzero"`
	Env          string    `json:"env,omitzero"`
	Zone         string    `json:"zone,omitzero"`
	Role         string    `json:"role,omitzero"`
	Status       string    `json:"st,omitzero"`
	Health       string    `json:"hp,omitzero"`
	Override     *override `json:"ov,omitzero"`
	Check        *check    `json:"chk,omitzero"`
	Verdict      *verdict  `json:"vd,omitzero"`
	Tags         []string  `json:"tags,omitempty"`
	Metadata     []string  `json:"md,omitempty"` // names and values in turn
	Meta         string    `json:"meta,omitzero"`
	Why          reason    `json:"why,omitzero"`
	Time         int64     `json:"t,omitzero"`
	novelty
	Rest jsontext.Value `json:",embed"`
}

type tokens struct {
	Used          [32]byte `json:"u,omitzero"`
	UsedExpires   int64    `json:"ue,omitzero"`
	Newest        [32]byte `json:"n,omitzero"`
	NewestExpires int64    `json:"ne,omitzero"`
	HasNewest     bool     `json:"hn,omitzero"`
}

type override struct {
	Status  string `json:"s,omitzero"`
	KeptOut bool   `json:"k,omitzero"`
	Reason  string `json:"r,omitzero"`
	By      string `json:"b,omitzero"`
	Until   int64  `json:"u,omitzero"`
}

type check struct {
	Type      string `json:"t,omitzero"`
	Path      string `json:"p,omitzero"`
	Interval  int64  `json:"i,omitzero"` // nanoseconds
	Timeout   int64  `json:"o,omitzero"` // nanoseconds
	Failures  uint16 `json:"f,omitzero"`
	Successes uint16 `json:"s,omitzero"`
	Evict     bool   `json:"e,omitzero"`
}

type verdict struct {
	Why   string `json:"w,omitzero"`
	Node  string `json:"n,omitzero"`
	Since int64  `json:"s,omitzero"`
}

type reason struct {
	Code  string `json:"c,omitzero"`
	Note  string `json:"n,omitzero"`
	Actor string `json:"a,omitzero"`
	Node  string `json:"nd,omitzero"`
	From  string `json:"f,omitzero"`
}

func (f *form) from(s *Stored) {
	r, in := &s.Record, &s.Record.Instance
	f.Kind, f.Service, f.ID = r.Key.Kind, r.Key.Service, r.Key.ID
	f.Lease, f.Generation, f.Changed = uint64(r.Lease), r.Generation, r.Changed
	f.Epoch, f.Number = r.Revision.Epoch, r.Revision.Number
	f.TTL, f.RegisteredAt, f.Owner = int64(r.TTL), int64(r.RegisteredAt), r.Owner
	f.Tokens, f.Process = tokens(r.Tokens), r.Process
	f.Address, f.Port, f.Weight, f.PID = in.Address, in.Port, in.Weight, int64(in.PID)
	f.Protocol, f.Version, f.Env, f.Zone, f.Role = in.Protocol, in.Version, in.Env, in.Zone, in.Role
	f.Status, f.Health, f.Meta, f.Tags = in.Status, in.Health, in.Meta, in.Tags
	if o := in.Override; o != nil {
		f.Override = &override{o.Status, o.KeptOut, o.Reason, o.By, int64(o.Until)}
	}
	if c := in.Check; c != nil {
		f.Check = &check{c.Type, c.Path, int64(c.Interval), int64(c.Timeout), c.Failures, c.Successes, c.Evict}
	}
	if v := in.Verdict; v != nil {
		f.Verdict = &verdict{v.Why, v.Node, int64(v.Since)}
	}
	if len(in.Metadata) > 0 {
		f.Metadata = make([]string, 0, 2*len(in.Metadata))
		for _, p := range in.Metadata {
			f.Metadata = append(f.Metadata, p.Key, p.Value)
		}
	}
	f.Why = reason{Code: string(s.Why.Code), Note: s.Why.Note, Actor: s.Why.Actor, Node: s.Why.Node, From: s.Why.From}
	f.Time = int64(s.Time)
	f.novelty.fill()
}

func (f *form) stored() (Stored, error) {
	if len(f.Metadata)%2 != 0 {
		return Stored{}, errPairs
	}
	if f.TTL < 0 || f.PID > math.MaxInt || f.PID < math.MinInt {
		return Stored{}, errNumber
	}
	s := Stored{
		Record: store.Record{
			Key:   store.Key{Kind: f.Kind, Service: f.Service, ID: f.ID},
			Lease: store.LeaseID(f.Lease), Generation: f.Generation,
			Revision: store.Revision{Epoch: f.Epoch, Number: f.Number}, Changed: f.Changed,
			TTL: time.Duration(f.TTL), RegisteredAt: store.Millis(f.RegisteredAt),
			Owner: f.Owner, Tokens: store.Tokens(f.Tokens), Process: f.Process,
			Instance: store.Instance{
				Address: f.Address, Port: f.Port, Weight: f.Weight, PID: int(f.PID),
				Protocol: f.Protocol, Version: f.Version, Env: f.Env, Zone: f.Zone, Role: f.Role,
				Status: f.Status, Health: f.Health, Tags: f.Tags, Meta: f.Meta,
			},
		},
		Why:  store.Reason{Code: store.Code(f.Why.Code), Note: f.Why.Note, Actor: f.Why.Actor, Node: f.Why.Node, From: f.Why.From},
		Time: store.Millis(f.Time),
		Rest: f.Rest,
	}
	if o := f.Override; o != nil {
		s.Record.Instance.Override = &store.Override{Status: o.Status, KeptOut: o.KeptOut, Reason: o.Reason, By: o.By, Until: store.Millis(o.Until)}
	}
	if c := f.Check; c != nil {
		s.Record.Instance.Check = &store.Check{Type: c.Type, Path: c.Path, Interval: time.Duration(c.Interval),
			Timeout: time.Duration(c.Timeout), Failures: c.Failures, Successes: c.Successes, Evict: c.Evict}
	}
	if v := f.Verdict; v != nil {
		s.Record.Instance.Verdict = &store.Verdict{Why: v.Why, Node: v.Node, Since: store.Millis(v.Since)}
	}
	if n := len(f.Metadata); n > 0 {
		s.Record.Instance.Metadata = make([]store.Pair, 0, n/2)
		for i := 0; i < n; i += 2 {
			s.Record.Instance.Metadata = append(s.Record.Instance.Metadata, store.Pair{Key: f.Metadata[i], Value: f.Metadata[i+1]})
		}
	}
	return s, nil
}
