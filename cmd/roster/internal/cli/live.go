package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"time"

	"github.com/roster-sd/roster/client"
	"github.com/roster-sd/roster/wire"
)

// source is what a live table shows; a [feed], but for tests.
type source interface {
	address() string
	run(ctx context.Context) error
	news() <-chan news
	look()
	beats(ctx context.Context, list []stretch) ([]wire.Instance, client.Freshness, error)
}

func (f *feed) news() <-chan news { return f.out }

// screen is where a live table is drawn; a [terminal], but for tests.
type screen interface {
	enter() error
	leave() error
	size() (width, height int)
	draw(lines []string) error
	forget()
	readKeys(ctx context.Context, press func(key)) error
}

// live is a live table. Its state belongs to the goroutine of run; the others send to it.
type live struct {
	board  board
	source source
	screen screen
	now    func() time.Time

	keys    chan key
	read    chan reading
	ended   chan error // of the source
	crashed chan string
	changed <-chan os.Signal
	group   sync.WaitGroup

	reading bool // heartbeats are
	round   int
	next    time.Time // when they are read next
	drawn   time.Time
	dirty   bool
}

// reading is the outcome of asking for heartbeats.
type reading struct {
	began time.Time
	list  []wire.Instance
	fresh client.Freshness
	err   error
}

// showLive shows a live table until it is left, and gives the terminal back whatever
// happens.
func (s *session) showLive(ctx context.Context, t *terminal, c *client.Client, service string, filter client.Filter) error {
	f := newFeed(s, c, service, filter)
	defer f.close()
	ctx, stop := signal.NotifyContext(ctx, goodbyes()...)
	defer stop()
	changed, ending := signals()
	defer ending()
	l := newLive(f, t, s.env.Now)
	l.changed = changed
	l.board.service, l.board.filter = service, !isZero(filter)
	l.board.keys, l.board.colour = t.in != nil, s.env.colour()
	return l.run(ctx)
}

func newLive(src source, scr screen, now func() time.Time) *live {
	return &live{
		source: src, screen: scr, now: now, dirty: true,
		keys: make(chan key, 64), read: make(chan reading, 1), ended: make(chan error, 1), crashed: make(chan string, 1),
	}
}

// run returns nil when the table was left, by a key or the end of ctx.
func (l *live) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer l.group.Wait()
	defer cancel()
	l.spawn(func() { l.ended <- l.source.run(ctx) })
	// The terminal is left alone until there is something to show: what fails at first is
	// said where people look for it.
	select {
	case n := <-l.source.news():
		l.hear(n)
	case err := <-l.ended:
		return err
	case why := <-l.crashed:
		panic(why)
	case <-ctx.Done():
		return nil
	}
	defer func() {
		if failed := l.screen.leave(); err == nil {
			err = failed
		}
	}()
	if err := l.screen.enter(); err != nil {
		return err
	}
	l.spawn(func() {
		err := l.screen.readKeys(ctx, func(k key) {
			select {
			case l.keys <- k:
			case <-ctx.Done():
			}
		})
		if err != nil { // without keys there is Ctrl-C no more, either
			panic(fmt.Sprintf("read the keyboard: %v", err))
		}
	})
	return l.loop(ctx)
}

// spawn runs f beside the loop. A panic there must reach the loop, or the terminal would
// be left as it is.
func (l *live) spawn(f func()) {
	l.group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				select {
				case l.crashed <- fmt.Sprintf("%v\n\n%s", v, debug.Stack()):
				default: // one is enough
				}
			}
		}()
		f()
	})
}

func (l *live) loop(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case why := <-l.crashed:
			panic(why)
		case err := <-l.ended:
			return err
		case n := <-l.source.news():
			l.hear(n)
			// Many come at once when services start or stop: one picture is enough for
			// them, and for the loop one turn.
			for range 1000 {
				select {
				case n := <-l.source.news():
					l.hear(n)
					continue
				default:
				}
				break
			}
		case k := <-l.keys:
			if left, err := l.press(ctx, k); left || err != nil {
				return err
			}
		case s := <-l.changed:
			if err := l.change(s); err != nil {
				return err
			}
		case r := <-l.read:
			l.took(r)
		case <-timer.C:
		}
		if err := l.draw(); err != nil {
			return err
		}
		l.ask(ctx)
		timer.Reset(l.wait())
	}
}

func (l *live) hear(n news) {
	if n.lost != nil {
		l.board.link.down(n.lost, n.wait, l.now())
		l.dirty = true
		return
	}
	l.board.link.up()
	if l.board.roll.apply(n.event, l.now()) {
		l.dirty = true
	}
}

func (l *live) press(ctx context.Context, k key) (leave bool, err error) {
	l.dirty = true
	switch k {
	case keyRedraw:
		l.screen.forget()
		return false, nil
	case keySuspend:
		if err := l.screen.leave(); err != nil {
			return false, err
		}
		suspend(ctx, l.changed)
		return false, l.screen.enter()
	}
	_, height := l.screen.size()
	head, foot := l.board.frame(height, l.board.link.trouble(l.now()))
	return l.board.press(k, max(height-head-foot-1, 1)), nil
}

// change takes in another size of the terminal, or a stop that is over.
func (l *live) change(s os.Signal) error {
	l.dirty = true
	if continued(s) {
		if err := l.screen.leave(); err != nil {
			return err
		}
		return l.screen.enter()
	}
	l.screen.forget()
	return nil
}

func (l *live) took(r reading) {
	l.reading = false
	l.next = l.now().Add(beatTime)
	for i := range r.list {
		l.board.roll.heard(&r.list[i])
	}
	l.board.link.asked(r.began, r.fresh, r.err, l.now())
}
