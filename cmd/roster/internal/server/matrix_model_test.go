package server

import (
	"slices"
	"strings"
)

// The model says what each call of the matrix must be answered with. It is written from the
// rules as docs/security.md tells them, and knows nothing of the packages that keep them.

// rights are what a policy gives to an identity, with the names of services spelt out.
type rights struct {
	register, discover string
	admin              bool
}

func (r rights) may(action, service string) bool {
	list := map[string]string{"register": r.register, "discover": r.discover}[action]
	return slices.Contains(strings.Fields(list), service)
}

// everyService is what stands for a pattern of any name: the services of the matrix.
const everyService = "orders shop vault crypt unlisted"

// phase is a policy as the configuration has it, and the same spelt out by identity.
type phase struct {
	name, policy string
	rights       map[string]rights
}

// catalogue is what auth.services lists: "unlisted" may not be registered whatever the rules
// say, and neither may "crypt".
const catalogue = "auth:\n  services: [orders, shop, vault]\n  policies:\n"

// phases are the policies that are in force in turn, over the same connections.
var phases = []phase{{
	name: "first policy",
	policy: catalogue + `
    - {identity: "spiffe://example.org/owner", register: [orders, unlisted], discover: [orders, shop]}
    - {identity: "spiffe://example.org/twin", register: [orders], discover: [orders]}
    - {identity: "spiffe://example.org/reader", discover: [orders, shop]}
    - {identity: "spiffe://example.org/keeper", register: [vault], discover: [vault]}
    - {identity: "spiffe://example.org/seller", register: ["sho*"], discover: ["*"]}
    - {identity: "spiffe://example.org/root", admin: true}
    - {identity: "spiffe://example.org/chief", register: ["*"], discover: ["*"], admin: true}
`,
	rights: map[string]rights{
		"owner":  {register: "orders", discover: "orders shop"},
		"twin":   {register: "orders", discover: "orders"},
		"reader": {discover: "orders shop"},
		"keeper": {register: "vault", discover: "vault"},
		"seller": {register: "shop", discover: everyService},
		"root":   {admin: true},
		"chief":  {register: "orders shop vault", discover: everyService, admin: true},
	},
}, {
	name: "policy reloaded",
	policy: catalogue + `
    - {identity: "spiffe://example.org/owner", register: [shop], discover: [vault]}
    - {identity: "spiffe://example.org/twin", register: [orders, vault], discover: [orders, shop]}
    - {identity: "spiffe://example.org/keeper", register: [vault], discover: [shop]}
    - {identity: "spiffe://example.org/*er", register: [], discover: [shop]}
    - {identity: "spiffe://example.org/root", discover: [orders]}
    - {identity: "spiffe://example.org/stranger", admin: true}
`,
	rights: map[string]rights{
		"owner":    {register: "shop", discover: "vault shop"},
		"twin":     {register: "orders vault", discover: "orders shop"}, // and so may not see what it could take
		"reader":   {discover: "shop"},
		"keeper":   {register: "vault", discover: "shop"},
		"seller":   {discover: "shop"},
		"root":     {discover: "orders"},
		"stranger": {discover: "shop", admin: true},
	},
}}

// effect is what a call may do to the registry.
type effect int

const (
	nothing effect = iota
	renews         // one lease, and nothing that can be seen
	writes
)

// verdict is what a call must be answered with.
type verdict struct {
	status int
	code   string // empty: no problem
	effect effect
}

func ok(status int, e effect) verdict { return verdict{status: status, effect: e} }

var (
	unauthenticated = verdict{401, "unauthenticated", nothing}
	forbidden       = verdict{403, "forbidden", nothing}
	notFound        = verdict{404, "not_found", nothing}
	conflict        = verdict{409, "conflict", nothing}
	leaseLost       = verdict{410, "lease_lost", nothing}
)

// model is the rules over one policy.
type model struct{ rights map[string]rights }

func (m model) may(c *cell, action string) bool {
	return m.rights[c.who].may(action, c.target.service)
}

func (m model) admin(c *cell) bool { return m.rights[c.who].admin }

// holder is a call that needs the token of a live instance; yes is what it is answered with.
func (m model) holder(c *cell, yes verdict) verdict {
	x, mine := c.target, c.target.owner == c.who
	switch {
	case !m.may(c, "register"):
		return forbidden // whether or not it is there
	case c.token == noToken || c.token == malformed:
		return unauthenticated
	case mine && c.token == current && x.live():
		return yes
	case mine && (c.token == current || c.token == former):
		return leaseLost // it was theirs, in another life
	case x.known():
		return unauthenticated
	}
	return notFound
}

// holderOrAdmin is a call that an administrator may make without a token.
func (m model) holderOrAdmin(c *cell, yes verdict) verdict {
	if c.token != noToken || !m.admin(c) {
		return m.holder(c, yes)
	}
	if !c.target.live() {
		return notFound
	}
	return yes
}

func (m model) registers(c *cell) verdict {
	x := c.target
	switch {
	case !m.may(c, "register"):
		return forbidden
	case x.kept:
		return leaseLost
	case !x.live():
		return ok(201, writes)
	case x.owner != c.who && !m.admin(c):
		return conflict
	}
	return ok(200, writes)
}

// reads is a read of one service; there tells whether what it asks for is.
func (m model) reads(c *cell, there bool) verdict {
	if !m.may(c, "discover") || !there {
		return notFound
	}
	return ok(200, nothing)
}

func (m model) administers(c *cell, yes verdict) verdict {
	if !m.admin(c) {
		return forbidden
	}
	return yes
}

// shows gives the instances, of one service or of all, that the caller may see.
func (m model) shows(c *cell, targets []*target, service string) []string {
	var marks []string
	for _, x := range targets {
		if x.live() && (service == "" || service == x.service) && m.rights[c.who].may("discover", x.service) {
			marks = append(marks, x.mark())
		}
	}
	return marks
}

// meets tells whether one identity may see a service that another may register, and so read
// of it there.
func (m model) meets(who, other string) bool {
	return slices.ContainsFunc(strings.Fields(m.rights[other].register), func(service string) bool {
		return m.rights[who].may("discover", service)
	})
}

// names gives the services with instances, or with a past, that the caller may see.
func (m model) names(c *cell, targets []*target, service string) []string {
	var names []string
	for _, x := range targets {
		if x.live() && (service == "" || service == x.service) && m.rights[c.who].may("discover", x.service) && !slices.Contains(names, x.service) {
			names = append(names, x.service)
		}
	}
	return names
}
