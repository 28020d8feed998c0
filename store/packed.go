package store

import (
	"encoding/binary"
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

// appendText appends a string after its length.
func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// cutText gives the first of the strings, and the others.
func cutText(text string) (s, rest string) {
	n, width := uint64(text[0]), 1
	if n >= 0x80 { // as binary.Uvarint, which reads no strings
		n &= 0x7f
		for shift := 7; ; shift += 7 {
			b := text[width]
			width++
			n |= uint64(b&0x7f) << shift
			if b < 0x80 {
				break
			}
		}
	}
	end := width + int(n)
	return text[width:end], text[end:]
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

// count gives how many strings there are.
func count(text string) (n int) {
	for ; text != ""; n++ {
		_, text = cutText(text)
	}
	return n
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

// The parts of the record.

// Key gives the record's key.
func (p *Packed) Key() Key { return Key{Kind: p.common.kind, Service: p.common.service, ID: p.ID()} }

// ID gives the ID of the key.
func (p *Packed) ID() string {
	id, _ := cutText(p.text)
	return id
}

// Hash gives [HashID] of the ID.
func (p *Packed) Hash() uint64 { return p.hash }

// Service gives the service of the key.
func (p *Packed) Service() string { return p.common.service }

// Kind gives the kind of the key.
func (p *Packed) Kind() string { return p.common.kind }

// Ref gives the record's key under its present lease.
func (p *Packed) Ref() Ref { return Ref{Key: p.Key(), Lease: p.lease} }

// Is tells whether the record is what ref names.
func (p *Packed) Is(ref *Ref) bool {
	return p.lease == ref.Lease && p.ID() == ref.Key.ID && p.common.service == ref.Key.Service && p.common.kind == ref.Key.Kind
}

// Lease gives the lease, zero for none.
func (p *Packed) Lease() LeaseID { return p.lease }

// Generation gives the generation.
func (p *Packed) Generation() uint64 { return p.generation }

// Revision gives the position of the last change of any part of the record.
func (p *Packed) Revision() Revision { return Revision{Epoch: p.common.epoch, Number: p.number} }

// Changed gives the number of the revision that last changed what clients see.
func (p *Packed) Changed() uint64 { return p.changed }

// TTL gives the TTL.
func (p *Packed) TTL() time.Duration { return p.common.ttl }

// RegisteredAt gives when this generation was registered.
func (p *Packed) RegisteredAt() Millis { return p.registeredAt }

// Owner gives the identity that registered the record.
func (p *Packed) Owner() string { return p.common.owner }

// Tokens gives the digests of the tokens.
func (p *Packed) Tokens() Tokens {
	t := Tokens{Used: p.used, UsedExpires: p.usedExpires}
	if x := p.rare; x != nil {
		t.Newest, t.NewestExpires, t.HasNewest = x.newest, x.newestExpires, x.hasNewest
	}
	return t
}

// Address gives the instance's address.
func (p *Packed) Address() string {
	_, rest := cutText(p.text)
	address, _ := cutText(rest)
	return address
}

// Weight gives the instance's weight.
func (p *Packed) Weight() uint16 { return p.weight }

// Health gives the instance's health.
func (p *Packed) Health() string { return p.common.health }

// Version gives the instance's version.
func (p *Packed) Version() string { return p.common.version }

// Env gives the instance's environment.
func (p *Packed) Env() string { return p.common.env }

// Zone gives the instance's zone.
func (p *Packed) Zone() string { return p.common.zone }

// Role gives the instance's role.
func (p *Packed) Role() string { return p.common.role }

// State is [Instance.State].
func (p *Packed) State() string {
	if x := p.rare; x != nil && x.override != nil && x.override.Status != "" {
		return x.override.Status
	}
	return p.common.status
}

// HasTag tells whether the instance has the tag.
func (p *Packed) HasTag(tag string) bool {
	for text := p.common.tags; text != ""; {
		var s string
		if s, text = cutText(text); s == tag {
			return true
		}
	}
	return false
}

// Value gives the metadata value under key.
func (p *Packed) Value(key string) (string, bool) {
	if p.common.names == "" {
		return "", false
	}
	_, rest := cutText(p.text)
	_, values := cutText(rest)
	for names := p.common.names; names != ""; {
		var name, value string
		name, names = cutText(names)
		if value, values = cutText(values); name == key {
			return value, true
		}
	}
	return "", false
}

// Size is about how many bytes of memory the packed record takes alone.
func (p *Packed) Size() int {
	n := packedSize + len(p.text)
	if x := p.rare; x != nil {
		n += rareSize + len(x.process) + len(x.meta)
	}
	return n
}

// HashID is FNV-1a with a finaliser (MurmurHash3's), the same on every node.
func HashID(id string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(id); i++ {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	return Mix(h)
}

// Mix is the finaliser of MurmurHash3.
func Mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
