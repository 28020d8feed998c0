package store

import "time"

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

// HasNewest tells whether there is a token that was not used yet.
func (p *Packed) HasNewest() bool { return p.rare != nil && p.rare.hasNewest }

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

// HasCheck tells whether the instance has a check.
func (p *Packed) HasCheck() bool { return p.rare != nil && p.rare.check != nil }

// Judged tells whether the instance has a check that somebody has done.
func (p *Packed) Judged() bool {
	x := p.rare
	return x != nil && x.check != nil && x.verdict != nil && x.verdict.Node != ""
}

// Unchecked tells whether the instance has a check that nobody has done yet.
func (p *Packed) Unchecked() bool { return p.HasCheck() && !p.Judged() }

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
