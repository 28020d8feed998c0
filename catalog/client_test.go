package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/roster-sd/roster/store"
)

// client is a watcher: it keeps its own view, and checks that each change fits it, that
// no revision goes back within an epoch, and that what goes together has one position.
type client struct {
	p    *peer
	sub  *Subscription
	view map[store.Key]*store.Record
	at   Position // of the last change, or of the snapshot
	told []string
	err  error
	from int // how many changes were told before the last snapshot
}

func watching(p *peer, services ...string) *client {
	c := &client{p: p}
	var views []View
	c.sub, views = p.Subscribe(services)
	c.begin(views)
	return c
}

func (c *client) begin(views []View) {
	c.view = make(map[store.Key]*store.Record)
	for _, v := range views {
		for item := range v.Items("") {
			c.view[item.Record().Key] = item.Record()
		}
	}
	c.to(c.sub.Start())
	c.from = len(c.told)
}

func (c *client) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func (c *client) to(at Position) {
	if at.Revision.Before(c.at.Revision) {
		c.fail("back from %v to %v", c.at, at)
	}
	c.at = at
}

// take takes what waits; it begins anew where it is told to.
func (c *client) take() *client {
	changes, err := c.sub.Take()
	if errors.Is(err, ErrLagged) {
		c.told = append(c.told, "resync")
		c.begin(c.sub.Resync())
		return c
	} else if err != nil {
		c.fail("take: %w", err)
	}
	for i, ch := range changes {
		if together := i > 0 && ch.With(changes[i-1]); together != (ch.Position() == c.at) {
			c.fail("%v after %v, together %v", ch.Position(), c.at, together)
		}
		c.to(ch.Position())
		packed := ch.After
		if packed == nil {
			packed = ch.Before
		}
		rec := packed.Record()
		mine := c.view[rec.Key]
		if ch.After == nil && mine == nil {
			continue // it may be told of the end of what a list had hidden already
		}
		if (mine == nil) != (ch.Before == nil) || mine != nil && mine.Changed != ch.Before.Changed() {
			c.fail("at %v %v is told to have been %v, and was %v", ch.Position(), rec.Key, ch.Before, mine)
		}
		if ch.After == nil {
			delete(c.view, rec.Key)
			c.told = append(c.told, "-"+rec.Key.ID+" "+string(ch.Reason.Code))
			continue
		}
		c.view[rec.Key] = rec
		c.told = append(c.told, "+"+rec.Key.ID+" "+string(ch.Reason.Code))
	}
	return c
}

// want checks what was told since the last time, in any order if it is one group.
func (c *client) want(what string, want ...string) {
	c.p.Helper()
	c.take()
	if c.err != nil {
		c.p.Fatalf("%s: %v", what, c.err)
	}
	slices.Sort(c.told)
	slices.Sort(want)
	if !slices.Equal(c.told, want) {
		c.p.Errorf("%s: told %q, want %q", what, c.told, want)
	}
	c.told = nil
}
