package store

import (
	"time"
)

// Packed is a record in little memory: about 220 bytes for one that takes 900 as a
// [Record] with its strings. It is immutable. What keeps many records keeps them packed, and makes
// a Record of one where somebody asks for it. The methods that give one part of it make nothing.
type Packed struct {
	common *common
	rare   *rare  // nil for most
	text   string // the ID, the address and the values of the metadata, each after its length

	lease        LeaseID
	generation   uint64
	number       uint64 // of the revision
	changed      uint64
	registeredAt Millis
	used         [32]byte
	usedExpires  int64
	hash         uint64
	port, weight uint16
	pid          uint32 // zero also for one that does not fit
}

// common is what many records have the same, kept once.
type common struct {
	kind, service, owner              string
	protocol, version, env, zone      string
	role, status, health, names, tags string // names are those of the metadata; see appendText
	epoch                             uint64
	ttl                               time.Duration
}

// rare is what few records have.
type rare struct {
	pid           int
	process, meta string
	override      *Override
	check         *Check
	verdict       *Verdict
	newest        [32]byte
	newestExpires int64
	hasNewest     bool
}

// Pack gives the record packed: what it was made of, if it is as it was then.
func Pack(r *Record) *Packed {
	if p := r.packed; p != nil && p.is(r) {
		return p
	}
	in := &r.Instance
	p := &Packed{
		common: intern(commonOf(r)), text: textOf(r), lease: r.Lease, generation: r.Generation, number: r.Revision.Number,
		changed: r.Changed, registeredAt: r.RegisteredAt, used: r.Tokens.Used, usedExpires: r.Tokens.UsedExpires,
		hash: HashID(r.Key.ID), port: in.Port, weight: in.Weight, pid: smallPID(in.PID),
	}
	if x := rareOf(r); x != (rare{}) {
		p.rare = &x
	}
	return p
}

func smallPID(pid int) uint32 {
	if small := uint32(pid); int(small) == pid {
		return small
	}
	return 0
}

func rareOf(r *Record) rare {
	in := &r.Instance
	x := rare{process: r.Process, meta: in.Meta, override: in.Override, check: in.Check, verdict: in.Verdict,
		newest: r.Tokens.Newest, newestExpires: r.Tokens.NewestExpires, hasNewest: r.Tokens.HasNewest}
	if smallPID(in.PID) == 0 {
		x.pid = in.PID
	}
	return x
}

func commonOf(r *Record) common {
	in := &r.Instance
	c := common{kind: r.Key.Kind, service: r.Key.Service, owner: r.Owner, protocol: in.Protocol, version: in.Version, env: in.Env,
		zone: in.Zone, role: in.Role, status: in.Status, health: in.Health, epoch: r.Revision.Epoch, ttl: r.TTL}
	if len(in.Tags) > 0 {
		var b []byte
		for _, tag := range in.Tags {
			b = appendText(b, tag)
		}
		c.tags = string(b)
	}
	if len(in.Metadata) > 0 {
		var room [128]byte
		b := room[:0]
		for i := range in.Metadata {
			b = appendText(b, in.Metadata[i].Key)
		}
		c.names = string(b)
	}
	return c
}

func textOf(r *Record) string {
	var room [512]byte
	b := appendText(appendText(room[:0], r.Key.ID), r.Instance.Address)
	for i := range r.Instance.Metadata {
		b = appendText(b, r.Instance.Metadata[i].Value)
	}
	return string(b)
}

// Record gives a new record, which the caller may change.
func (p *Packed) Record() *Record {
	r := new(Record)
	p.Fill(r)
	return r
}

// Fill sets all of r. It uses the room that the slices in r have, which must be the caller's
// alone.
func (p *Packed) Fill(r *Record) {
	c := p.common
	tags, pairs := r.Instance.Tags[:0], r.Instance.Metadata[:0]
	id, rest := cutText(p.text)
	address, values := cutText(rest)
	for text := c.tags; text != ""; {
		var tag string
		tag, text = cutText(text)
		if tags == nil {
			tags = make([]string, 0, 1+count(text))
		}
		tags = append(tags, tag)
	}
	for names := c.names; names != ""; {
		var pair Pair
		if pair.Key, names = cutText(names); pairs == nil {
			pairs = make([]Pair, 0, 1+count(names))
		}
		pair.Value, values = cutText(values)
		pairs = append(pairs, pair)
	}
	*r = Record{
		Key: Key{Kind: c.kind, Service: c.service, ID: id}, Lease: p.lease, Generation: p.generation,
		Revision: p.Revision(), Changed: p.changed, TTL: c.ttl, RegisteredAt: p.registeredAt, Owner: c.owner,
		Tokens: p.Tokens(), packed: p,
		Instance: Instance{Address: address, Port: p.port, Weight: p.weight, PID: int(p.pid), Protocol: c.protocol, Version: c.version,
			Env: c.env, Zone: c.zone, Role: c.role, Status: c.status, Health: c.health, Tags: tags, Metadata: pairs},
	}
	if x := p.rare; x != nil {
		in := &r.Instance
		r.Process, in.Meta, in.Override, in.Check, in.Verdict = x.process, x.meta, x.override, x.check, x.verdict
		if x.pid != 0 {
			in.PID = x.pid
		}
	}
}

// is tells whether r is, in every part, the record that was packed.
func (p *Packed) is(r *Record) bool {
	c, in := p.common, &r.Instance
	if p.lease != r.Lease || p.generation != r.Generation || p.Revision() != r.Revision || p.changed != r.Changed ||
		p.registeredAt != r.RegisteredAt || p.used != r.Tokens.Used || p.usedExpires != r.Tokens.UsedExpires ||
		p.port != in.Port || p.weight != in.Weight || p.pid != smallPID(in.PID) {
		return false
	}
	if c.kind != r.Key.Kind || c.service != r.Key.Service || c.owner != r.Owner || c.protocol != in.Protocol ||
		c.version != in.Version || c.env != in.Env || c.zone != in.Zone || c.role != in.Role || c.status != in.Status ||
		c.health != in.Health || c.ttl != r.TTL {
		return false
	}
	if x := rareOf(r); p.rare == nil && x != (rare{}) || p.rare != nil && x != *p.rare {
		return false
	}
	id, rest := cutText(p.text)
	address, values := cutText(rest)
	if id != r.Key.ID || address != in.Address {
		return false
	}
	names, tags := c.names, c.tags
	for i := range in.Metadata {
		if names == "" {
			return false
		}
		var name, value string
		name, names = cutText(names)
		if value, values = cutText(values); name != in.Metadata[i].Key || value != in.Metadata[i].Value {
			return false
		}
	}
	for _, want := range in.Tags {
		if tags == "" {
			return false
		}
		var tag string
		if tag, tags = cutText(tags); tag != want {
			return false
		}
	}
	return names == "" && tags == ""
}
