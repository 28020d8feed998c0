package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/roster-sd/roster/catalog/catalogtest"
	"github.com/roster-sd/roster/store"
)

// peer is a catalog on a backend that it shares, with the faults that a test chooses.
type peer struct {
	*testing.T
	*Catalog
	backend *catalogtest.Backend
	store   *catalogtest.Node
	paused  *atomic.Int64 // by how much its clock has jumped
	logs    *lines
}

// join gives a node on a backend, once it is warm.
func join(t *testing.T, b *catalogtest.Backend, opts Options) *peer {
	t.Helper()
	p := &peer{T: t, backend: b, store: b.Node(), paused: new(atomic.Int64), logs: &lines{}}
	origin := time.Now()
	opts.Store, opts.Encode, opts.Logger = p.store, encode, slog.New(p.logs)
	opts.Clock = func() time.Duration { return time.Since(origin) + time.Duration(p.paused.Load()) }
	p.Catalog = New(opts)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Catalog.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the catalog ended with %v", err)
		}
		p.store.Close()
	})
	synctest.Wait()
	if !p.IsWarm() {
		t.Fatal("not warm")
	}
	return p
}

// alone gives a backend with one node.
func alone(t *testing.T) *peer { return join(t, catalogtest.New(catalogtest.Options{}), Options{}) }

const ttl = 30 * time.Second

func (p *peer) register(service, id string, ttl time.Duration, shapes ...shape) *store.Record {
	p.Helper()
	rec, err := p.store.Register(context.Background(), record(service, id, shapes...), store.Grant{TTL: ttl})
	if err != nil {
		p.Fatal(err)
	}
	synctest.Wait()
	return rec
}

func (p *peer) drop(service, id string) {
	p.Helper()
	_, err := p.store.Deregister(context.Background(), store.Ref{Key: store.InstanceKey(service, id)}, store.Reason{})
	if err != nil {
		p.Fatal(err)
	}
	synctest.Wait()
}

// renew renews what is there, every five seconds, while time goes by.
func (p *peer) renew(d time.Duration, recs ...*store.Record) {
	p.Helper()
	for end := time.Now().Add(d); ; {
		for _, rec := range recs {
			if rs, err := p.store.Renew(context.Background(), []store.Ref{rec.Ref()}); err != nil || rs[0].Err != nil {
				p.Fatalf("renewal of %v: %v, %v", rec.Key, rs, err)
			}
		}
		left := time.Until(end)
		if left <= 0 {
			break
		}
		pass(min(left, 5*time.Second))
	}
}

// back resurrects a record, as the registry does.
func (p *peer) back(rec *store.Record) *store.Record {
	p.Helper()
	out, err := p.store.Register(context.Background(), *rec, store.Grant{TTL: rec.TTL, If: store.Condition{Absent: true, Generation: rec.Generation}})
	if err != nil {
		p.Fatal(err)
	}
	synctest.Wait()
	return out
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// shows gives the instances of a service with what is unusual about them.
func (p *peer) shows(service string) string {
	var out []string
	for item := range p.Service(service).Items("") {
		text := item.Record().Key.ID
		if h := item.Record().Instance.Health; h != store.HealthPassing {
			text += " " + h
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func (p *peer) want(what, service, want string) {
	p.Helper()
	if got := p.shows(service); got != want {
		p.Errorf("%s: %q, want %q", what, got, want)
	}
}

// pure checks whether the positions of a service and of the node are those of the store.
func (p *peer) pure(what, service string, ofService, ofNode bool) {
	p.Helper()
	changed, at := p.Changed(service)
	if changed.IsPure() != ofService || at.IsPure() != ofNode {
		p.Errorf("%s: the service is at %v, the node at %v", what, changed, at)
	}
}

// audited checks that the parts of the catalog agree, and, if nothing is kept, that it has
// what the backend has.
func (p *peer) audited() {
	p.Helper()
	if err := p.check(); err != nil {
		p.Fatal(err)
	}
}

func (p *peer) check() error {
	snap := p.backend.Snapshot()
	if err := p.checkKept(&snap); err != nil {
		return err
	}
	return audit(p.Catalog, snap)
}

// checkKept checks the account of what is kept, and adds that to a list.
func (p *peer) checkKept(snap *store.Snapshot) error {
	p.write.Lock()
	defer p.write.Unlock()
	p.mu.RLock()
	defer p.mu.RUnlock()
	kept := 0
	for key, k := range p.kept {
		if e := p.entry(key); e != nil {
			snap.Records = append(snap.Records, e.rec.Record())
		}
		if p.ends[k.place] != k {
			return fmt.Errorf("%v stands at another place than it thinks", key)
		}
		kept++
	}
	byService := 0
	for _, s := range p.services {
		byService += s.kept
	}
	held := 0
	for _, k := range p.kept {
		if k.suspect {
			held++
		}
	}
	switch {
	case kept != len(p.ends) || kept != byService || held != sum(&p.keptBy):
		return fmt.Errorf("kept %d, by ends %d, by service %d; suspect %d, by cause %v", kept, len(p.ends), byService, held, p.keptBy)
	case (kept > 0) != (p.mark != 0):
		return fmt.Errorf("kept %d with the mark %d", kept, p.mark)
	}
	return nil
}

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	l.text = append(l.text, text)
	return nil
}

// with gives the lines that begin so.
func (l *lines) with(prefix string) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.text {
		if strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return out
}
