package cli

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/internal/devfile"
)

// news is what a feed tells: an event, or that the connection was lost.
type news struct {
	event client.Event
	lost  error
	wait  time.Duration // until the next try
}

// feed follows the changes of a registry for a live table, and reads heartbeats. A local
// registry that was started again, and so listens elsewhere, is found again.
type feed struct {
	services []string
	filter   client.Filter
	// dir is where the discovery file of a local registry is; local tells one whose
	// address was not given.
	dir   string
	local bool
	out   chan news

	client atomic.Pointer[client.Client]
	mu     sync.Mutex
	at     devfile.Info       // where the local registry is
	hang   context.CancelFunc // gives up the connection
}

func newFeed(s *session, c *client.Client, service string, filter client.Filter) *feed {
	f := &feed{filter: filter, dir: s.env.TempDir, out: make(chan news, 256), hang: func() {}}
	if service != "" {
		f.services = []string{service}
	}
	if at, err := findLocal(f.dir); err == nil && c.Addresses()[0] == "http://"+at.Address() {
		f.local, f.at = true, at
	}
	f.client.Store(c)
	return f
}

func (f *feed) address() string { return f.client.Load().Addresses()[0] }

func (f *feed) close() { f.client.Load().Close() }

// run tells what happens until ctx ends. The error is one that trying again would not
// mend; at first, of any kind.
func (f *feed) run(ctx context.Context) error {
	for first := true; ; first = false {
		inner, hang := context.WithCancel(ctx)
		f.mu.Lock()
		f.hang = hang
		f.mu.Unlock()
		err := f.follow(inner)
		moved := inner.Err() != nil
		hang()
		switch {
		case ctx.Err() != nil:
			return nil
		case moved:
			f.move()
		case first || !errors.Is(err, client.ErrUnavailable):
			return err
		default:
			f.tell(ctx, news{lost: err, wait: time.Second})
			pause(ctx, time.Second)
		}
	}
}

// follow tells what one watcher gives.
func (f *feed) follow(ctx context.Context) error {
	w, err := f.client.Load().Watch(ctx, client.WatchOptions{
		Services: f.services, Filter: f.filter,
		OnRetry: func(err error, wait time.Duration) { f.tell(ctx, news{lost: err, wait: wait}) },
	})
	if err != nil {
		return err
	}
	defer w.Close()
	for {
		e, err := w.Next(ctx)
		if err != nil {
			return err
		}
		f.tell(ctx, news{event: e})
	}
}

func (f *feed) tell(ctx context.Context, n news) {
	select {
	case f.out <- n:
	case <-ctx.Done():
	}
}

// look finds out whether a local registry that does not answer was started again, and
// then has run go there. It is for any goroutine.
func (f *feed) look() {
	if !f.local {
		return
	}
	at, err := findLocal(f.dir)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil && at != f.at {
		f.hang()
	}
}

// move makes the client one of where the local registry is now.
func (f *feed) move() {
	at, err := findLocal(f.dir)
	if err != nil {
		return
	}
	old := f.client.Load()
	c, err := client.New(client.Options{Addresses: []string{"http://" + at.Address()}, UserAgent: userAgent})
	if err != nil {
		return
	}
	f.client.Store(c)
	old.Close()
	f.mu.Lock()
	f.at = at
	f.mu.Unlock()
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
