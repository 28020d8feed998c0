package server

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/roster-sd/roster/auth"
	"github.com/roster-sd/roster/cmd/roster/internal/config"
	"github.com/roster-sd/roster/registry"
	"github.com/roster-sd/roster/store"
)

// tokenKind is what kind of token comes with a call.
type tokenKind string

// The kinds of tokens. Those of an instance are of the target that the call names, but for
// another's, which is that of the owner's own instance.
const (
	noToken   tokenKind = ""
	malformed tokenKind = "malformed"
	madeUp    tokenKind = "made up"
	current   tokenKind = "current"
	dead      tokenKind = "dead"   // ended by a rotation
	former    tokenKind = "former" // of an earlier registration
	anothers  tokenKind = "another's"
)

// target is an instance that a call names, there or not.
type target struct {
	name, service, id string
	owner             string // who registers it; empty: it is never there
	gone              bool   // its owner has deregistered it
	kept              bool   // an administrator keeps it out

	tokens map[tokenKind]string
	lives  int // how often it was made
}

func (x *target) live() bool { return x.owner != "" && !x.gone }

// known tells whether the registry remembers the instance, living or dead.
func (x *target) known() bool { return x.owner != "" }

// served tells whether its service has live instances.
func (x *target) served() bool {
	return slices.Contains([]string{"orders", "shop", "vault"}, x.service)
}

// mark is what shows in an answer that holds the instance, and nowhere else.
func (x *target) mark() string { return "mark." + x.service + "." + x.name }

func (x *target) address() string { return x.name + "." + x.service + ".example" }

// token gives the token of a kind for a call on the target; false where it has none.
func (w *world) token(x *target, kind tokenKind) (string, bool) {
	switch kind {
	case noToken:
		return "", true
	case malformed:
		return "short", true
	case madeUp:
		return strings.Repeat("A", auth.TokenLength), true
	case anothers:
		return w.targets[0].tokens[current], x != w.targets[0]
	}
	text, ok := x.tokens[kind]
	return text, ok
}

// world is a node with instances, and those who call it.
type world struct {
	t       *testing.T
	f       *folder
	n       *node
	targets []*target
	callers map[string]*caller // by identity, for as long as their certificates are good
	file    string             // the policy
}

// goodCallers are the identities with good certificates, in the order of the cells.
var goodCallers = []string{"owner", "twin", "reader", "keeper", "seller", "root", "chief", "stranger"}

// newWorld starts a node under the first policy, plants the instances and connects everyone.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, f: newFolder(t), callers: map[string]*caller{}}
	w.file = w.f.path("policy.yaml")
	w.f.replace("policy.yaml", []byte(phases[0].policy))
	started := w.load()
	cfg := secure(w.f)
	cfg.Auth.Services, cfg.Auth.Policies = started.Config.Auth.Services, started.Config.Auth.Policies
	cfg.Lease.DefaultTTL, cfg.Lease.MaxTTL = time.Hour, time.Hour // nothing expires, however slow the machine
	w.n = serve(t, Options{Config: cfg, Started: started,
		Reread: func() (*config.Loaded, error) { return config.Load(config.Options{File: w.file, Environ: []string{}}) }})
	w.targets = []*target{
		{name: "own", service: "orders", id: "o-own", owner: "owner"},
		{name: "twins", service: "orders", id: "o-twin", owner: "twin"},
		{name: "gone", service: "orders", id: "o-gone", owner: "owner", gone: true},
		{name: "kept-out", service: "orders", id: "o-kept", kept: true},
		{name: "absent", service: "orders", id: "o-none"},
		{name: "other", service: "shop", id: "s-shop", owner: "seller"},
		{name: "hidden", service: "vault", id: "v-one", owner: "keeper"},
		{name: "absent-there", service: "vault", id: "v-two"},
		{name: "nowhere", service: "crypt", id: "c-one"},
		{name: "unlisted", service: "unlisted", id: "u-one"},
	}
	for _, x := range w.targets {
		w.plant(x)
	}
	for i, name := range goodCallers {
		w.callers[name] = w.n.as(w.f, w.f.client(name), 1+i%2)
	}
	return w
}

func (w *world) load() *config.Loaded {
	w.t.Helper()
	loaded, err := config.Load(config.Options{File: w.file, Environ: []string{}})
	w.f.must(nil, err)
	return loaded
}

// reload puts a policy into force as SIGHUP does.
func (w *world) reload(p phase) {
	w.t.Helper()
	before := strings.Count(w.n.log.String(), `"msg":"policy reloaded"`)
	w.f.replace("policy.yaml", []byte(p.policy))
	w.n.srv.Reload()
	if strings.Count(w.n.log.String(), `"msg":"policy reloaded"`) != before+1 {
		w.t.Fatalf("the policy was not reloaded")
	}
}

// revoke revokes a certificate and waits for the node to know.
func (w *world) revoke(name string) {
	w.t.Helper()
	const line = `"msg":"TLS files reloaded"`
	before := strings.Count(w.n.log.String(), line)
	w.f.revoke(name)
	eventually(w.t, "the list is reloaded", func() bool { return strings.Count(w.n.log.String(), line) > before })
}

// plant makes a target what it is to be, whatever became of it, under a policy that lets
// everyone do everything. Who was never there gets another name.
func (w *world) plant(x *target) {
	w.t.Helper()
	reg := w.n.srv.registry
	open, err := auth.Policy{Rules: []auth.Rule{{Identity: "*", Register: []string{"*"}, Discover: []string{"*"}, Admin: true}}}.Compile()
	w.f.must(nil, err)
	policy := reg.Policy()
	reg.SetPolicy(open)
	defer reg.SetPolicy(policy)

	ctx, root := w.t.Context(), registry.Caller{Identity: spiffe("fixture"), From: "127.0.0.1"}
	if x.lives++; x.lives > 1 {
		err = reg.LiftOverride(ctx, root, x.service, x.id)
		if registry.CodeOf(err) != registry.NotFound {
			w.f.must(nil, err)
		}
		_, err = reg.Deregister(ctx, root, x.service, x.id, "", registry.Removal{})
		if err != nil && registry.CodeOf(err) != registry.NotFound {
			w.t.Fatal(err)
		}
		if x.owner == "" {
			x.id = fmt.Sprintf("%s-%d", x.name, x.lives)
		}
	}
	if x.kept {
		_, err := reg.SetOverride(ctx, root, x.service, x.id, registry.OverrideRequest{KeepOut: true, Reason: "the matrix", For: time.Hour})
		w.f.must(nil, err)
	}
	if x.owner == "" {
		return
	}
	owner := registry.Caller{Identity: spiffe(x.owner), From: "127.0.0.1"}
	x.tokens = map[tokenKind]string{}
	for _, kind := range []tokenKind{former, dead} {
		out, err := reg.Register(ctx, owner, registry.Registration{Service: x.service, ID: x.id, Instance: store.Instance{
			Address: x.address(), Port: 1, Weight: 100, Status: store.StatusUp, Metadata: []store.Pair{{Key: "mark", Value: x.mark()}}}})
		w.f.must(nil, err)
		x.tokens[kind] = out.Token
	}
	out, err := reg.Rotate(ctx, owner, x.service, x.id, x.tokens[dead])
	w.f.must(nil, err)
	x.tokens[current] = out.Token
	_, err = reg.Heartbeat(ctx, owner, registry.Beat{Service: x.service, ID: x.id, Token: out.Token})
	w.f.must(nil, err)
	if x.gone {
		_, err = reg.Deregister(ctx, owner, x.service, x.id, x.tokens[current], registry.Removal{})
		w.f.must(nil, err)
	}
	for _, token := range x.tokens {
		handedOut.Store(token, true)
	}
}

func spiffe(name string) string { return "spiffe://example.org/" + name }

// image is everything that the registry holds: records with their leases, generations and
// tokens, and how many renewals it has accepted.
type image struct {
	records string
	renewed uint64
}

func (n *node) image() image {
	n.t.Helper()
	var lines []string
	for _, kind := range []string{store.KindInstance, store.KindOverride} {
		snap, err := n.srv.store.List(context.Background(), store.Selector{Kind: kind})
		if err != nil {
			n.t.Fatal(err)
		}
		for _, rec := range snap.Records {
			plain, over := *rec, ""
			if o := rec.Instance.Override; o != nil {
				over = fmt.Sprintf("%+v", *o)
				plain.Instance.Override = nil
			}
			lines = append(lines, fmt.Sprintf("%+v %s", plain, over))
		}
		lines = append(lines, kind+" at "+snap.Revision.String())
	}
	slices.Sort(lines)
	return image{strings.Join(lines, "\n"), n.srv.registry.Stats().Renewed.Load()}
}
